import Autotask
import Contract

/// The first half of the checks: those that need no services from Autotask.
///
/// A service has one error, the first in the order of the page's fields.
struct PlanValidation {
    /// In the plan's order; `nil` for a service that is not valid.
    private(set) var services: [DesiredService?] = []
    /// By plan index.
    private(set) var errors: [Int: JobError] = [:]

    init(_ plan: [PlanService], fields: ServiceFields) {
        services.reserveCapacity(plan.count)
        var firstWithName: [NameKey: Int] = [:]
        for (index, service) in plan.enumerated() {
            let nameKey = NameKey(service.name)
            do { services.append(try DesiredService(service, nameKey: nameKey, fields: fields)) } catch {
                services.append(nil)
                errors[index] = error
                if error.field == "name" { continue }
            }
            guard let first = firstWithName.updateValue(index, forKey: nameKey) else { continue }
            firstWithName[nameKey] = first
            for index in [first, index] { reject(index, JobError(duplicateNameOf: plan[index])) }
        }
    }

    private mutating func reject(_ index: Int, _ error: JobError) {
        services[index] = nil
        errors[index] = error
    }
}

/// A service of the plan that is valid on its own: what Autotask is to show.
struct DesiredService {
    let key: String
    let nameKey: NameKey
    /// Every field has a value. The name is as typed; the period is the tenant's id for it.
    let fields: ManagedFields

    var name: String { fields.name }
    var unitPrice: Money { fields.unitPrice ?? .zero }
    var unitCost: Money { fields.unitCost ?? .zero }
}

extension DesiredService {
    /// - Throws: the first error of the service.
    fileprivate init(_ service: PlanService, nameKey: NameKey, fields: ServiceFields) throws(JobError) {
        key = service.key
        self.nameKey = nameKey
        guard !service.hasBrokenName else {
            throw JobError(
                .nameInvalid,
                "name: it contains half a character (one of two UTF-16 surrogates).",
                hint: "Enter the name again: an emoji or a rare letter in it was cut in two.",
                field: "name",
                serviceKey: service.key
            )
        }
        try DesiredService.check(name: service.name, of: service.key, maximumLength: fields.maximumNameLength)
        guard let periodType = service.period.value.flatMap(fields.periodType) else {
            throw JobError(.periodUnsupported, field: "period", serviceKey: service.key)
        }
        let unitCost = try DesiredService.amount(service.unitCost, .costInvalid, field: "unitCost", of: service.key)
        let unitPrice = try DesiredService.amount(service.unitPrice, .priceInvalid, field: "unitPrice", of: service.key)
        guard let billingCodeID = service.billingCodeID.value else {
            throw JobError(
                .billingCodeMissing,
                "Select an active recurring-service billing code for \"\(service.name)\".",
                field: "billingCodeId",
                serviceKey: service.key
            )
        }
        self.fields = ManagedFields(
            name: service.name,
            unitPrice: unitPrice,
            unitCost: unitCost,
            billingCodeID: billingCodeID,
            periodType: periodType
        )
    }

    /// - Parameter maximumLength: in UTF-16 units, as Autotask counts.
    private static func check(name: String, of key: String, maximumLength: Int?) throws(JobError) {
        guard name.contains(where: { !$0.isWhitespace }) else {
            throw JobError(.nameInvalid, "name: enter the name to show on invoices.", field: "name", serviceKey: key)
        }
        if let maximumLength, name.utf8.count > maximumLength, name.utf16.count > maximumLength {
            throw JobError(
                .nameInvalid,
                "name: \(name.utf16.count) characters are too many; Autotask allows \(maximumLength).",
                field: "name",
                serviceKey: key
            )
        }
    }

    private static func amount(_ entered: Entered<Money>, _ code: ErrorCode, field: String, of key: String) throws(JobError) -> Money {
        switch entered {
        case .value(let amount): return amount
        case .missing: throw JobError(code, "\(field): enter an amount.", field: field, serviceKey: key)
        case .malformed:
            throw JobError(
                code,
                "\(field): not an amount with at most 12 digits and 4 decimal places.",
                field: field,
                serviceKey: key
            )
        }
    }
}

extension JobError {
    fileprivate init(duplicateNameOf service: PlanService) {
        self.init(
            .serviceNameDuplicateInPlan,
            "Two services in the plan have the name \"\(service.name)\".",
            field: "name",
            serviceKey: service.key
        )
    }
}
