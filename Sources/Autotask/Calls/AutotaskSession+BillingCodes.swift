import Contract

extension AutotaskSession {
    private static let billingCodeFields = QueryFields(["id", "name", "description", "isActive", "useType"])

    /// The billing codes for recurring services, active or not, and the codes of any type with the given ids, each once.
    ///
    /// A record without a readable id is left out if all given ids are found without it.
    package func billingCodes(including ids: [Int64] = []) async throws(AutotaskError) -> [BillingCode] {
        let recurring = QueryCondition(field: "useType", value: JSON(BillingCode.recurringServiceUseType))
        var hasUnidentified = false
        let codes = try await records(
            anyOf: [recurring] + ids.map { QueryCondition(field: "id", value: JSON($0)) },
            fields: AutotaskSession.billingCodeFields,
            by: .queryBillingCodes,
            id: \.id
        ) { record in
            if let code = BillingCode(json: record) { return .record(code) }
            let id = record[anyCase: "id"]?.wholeNumber
            if let id, ids.contains(id) { return .unreadable }
            hasUnidentified = hasUnidentified || id == nil
            return .notOurs(id: id)
        }
        // An answer without a readable record is a failure, and does not mean that the database has no billing codes.
        if hasUnidentified, codes.isEmpty || !Set(ids).isSubset(of: codes.map(\.id)) {
            throw AutotaskError(.malformedResponse, message: "a billing code without an id may be one that is asked for")
        }
        return codes
    }
}
