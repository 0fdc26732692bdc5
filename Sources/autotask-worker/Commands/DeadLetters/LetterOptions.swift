import ArgumentParser
import Contract
import Store

/// The selection of dead letters.
struct LetterFilter: ParsableArguments {
    @Option(
        help: ArgumentHelp("Only dead letters of this cause, as 'list' shows it.", valueName: "fingerprint"),
        completion: OfferedNames.fingerprints
    )
    var fingerprint: String?
    @Option(help: ArgumentHelp("Only dead letters of this tenant.", valueName: "id"), completion: OfferedNames.tenants)
    var tenant: String?
    @Option(
        help: ArgumentHelp("Only dead letters with this reason, such as attempts_spent.", valueName: "reason"),
        completion: OfferedNames.reasons
    )
    var reason: String?

    var isEmpty: Bool { fingerprint == nil && tenant == nil && reason == nil }

    var selection: LetterSelection {
        get throws {
            let tenant = try self.tenant.map { text in
                guard let tenant = TenantID(text) else { throw Failure(.usage, "\(text) is not a tenant's id.") }
                return tenant
            }
            return LetterSelection(fingerprint: fingerprint, tenant: tenant, reason: reason)
        }
    }
}

/// The dead letters that a command changes. A selection is required.
struct LetterChoice: ParsableArguments {
    @Argument(help: "Ids of dead letters, as 'list' shows them.", completion: OfferedNames.letters) var ids: [Int64] = []
    @OptionGroup(title: "Selection") var filter: LetterFilter
    @Flag(help: "All dead letters.") var all = false

    /// - Parameter before: selects only older ones.
    func selection(before: Timestamp? = nil) throws -> LetterSelection {
        let isNarrowed = !ids.isEmpty || !filter.isEmpty || before != nil
        guard isNarrowed != all else {
            throw Failure(
                .usage,
                all ? "--all cannot be combined with a selection." : "Select the dead letters.",
                hint: "Name their ids, or --fingerprint, --tenant, --reason, or --all. See autotask-worker dead-letters list."
            )
        }
        var selection = try filter.selection
        if !ids.isEmpty { selection.ids = Set(ids) }
        selection.before = before
        return selection
    }
}
