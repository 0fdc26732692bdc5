import Contract

extension AutotaskSession {
    /// The billing codes for recurring services, active or not, and those with the given ids, whatever their type, each once.
    package func billingCodes(including ids: [Int64] = []) async throws(AutotaskError) -> [BillingCode] {
        let recurring = QueryCondition(field: "useType", value: JSON(BillingCode.recurringServiceUseType))
        return try await records(
            anyOf: [recurring] + ids.map { QueryCondition(field: "id", value: JSON($0)) },
            fields: #"["id","name","description","isActive","useType"]"#,
            by: .queryBillingCodes,
            id: \.id
        ) { record in
            if let code = BillingCode(json: record) { return .record(code) }
            guard let id = record[anyCase: "id"]?.wholeNumber, !ids.contains(id) else { return .unreadable }
            return .notOurs(id: id)
        }
    }
}
