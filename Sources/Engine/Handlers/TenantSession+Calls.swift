import Autotask
import Contract
import Store

/// The calls of ``AutotaskSession``, made over the tenant's connection.
extension TenantSession {
    /// See ``AutotaskSession/services(_:)``.
    func services(_ query: ServiceQuery) async throws(CallFailure) -> [AutotaskService] {
        let services = try await call { session async throws(AutotaskError) in try await session.services(query) }
        context.reading.note(services)
        return services
    }

    /// See ``AutotaskSession/write(_:)``. If ``CallFailure/isOutcomeUnknown``, the service may exist: look it up before creating it again.
    func write(_ write: ServiceWrite) async throws(CallFailure) -> Int64 {
        try await call { session async throws(AutotaskError) in try await session.write(write) }
    }

    /// See ``AutotaskSession/billingCodes(including:)``.
    func billingCodes(including ids: [Int64] = []) async throws(CallFailure) -> [BillingCode] {
        let codes = try await call { session async throws(AutotaskError) in try await session.billingCodes(including: ids) }
        context.reading.note(codes)
        return codes
    }

    /// The remembered fields of the tenant's services. They are read again if another version of the program wrote them.
    func serviceFields() async throws(CallFailure) -> ServiceFields {
        if let json = try? JSON(parsing: connection.serviceFields), let fields = ServiceFields(json: json) { return fields }
        let fields = try await call { session async throws(AutotaskError) in try await session.serviceFields() }
        connection.serviceFields = fields.json.encoded
        return fields
    }
}
