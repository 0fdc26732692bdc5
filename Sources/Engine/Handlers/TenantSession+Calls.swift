import Autotask

/// The calls of ``AutotaskSession``, made over the tenant's connection.
extension TenantSession {
    /// See ``AutotaskSession/services(_:)``.
    func services(_ query: ServiceQuery) async throws(CallFailure) -> [Service] {
        let services = try await call { session async throws(AutotaskError) in try await session.services(query) }
        context.reading.note(services)
        return services
    }

    /// See ``AutotaskSession/createService(_:)``. Where ``CallFailure/isOutcomeUnknown``, the service may exist: look before creating it again.
    func createService(_ service: NewService) async throws(CallFailure) -> Int64 {
        try await call { session async throws(AutotaskError) in try await session.createService(service) }
    }

    /// See ``AutotaskSession/updateService(id:_:)``.
    func updateService(id: Int64, _ patch: ServicePatch) async throws(CallFailure) {
        try await call { session async throws(AutotaskError) in try await session.updateService(id: id, patch) }
    }

    /// See ``AutotaskSession/billingCodes(including:)``.
    func billingCodes(including ids: [Int64] = []) async throws(CallFailure) -> [BillingCode] {
        let codes = try await call { session async throws(AutotaskError) in try await session.billingCodes(including: ids) }
        context.reading.note(codes)
        return codes
    }
}
