import ArgumentParser
import Contract
import Store

/// What letters have to have in common.
struct LetterFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only those of this cause, as 'list' shows it.", valueName: "fingerprint")) var fingerprint: String?
    @Option(help: ArgumentHelp("Only this tenant's.", valueName: "id")) var tenant: String?
    @Option(help: ArgumentHelp("Only those with this reason, such as attempts_spent.", valueName: "reason")) var reason: String?

    var isEmpty: Bool { fingerprint == nil && tenant == nil && reason == nil }

    var selection: LetterSelection {
        get throws {
            let tenant = try self.tenant.map { text in
                guard let tenant = TenantID(text) else { throw Failure(.usage, "\(text) is no tenant.") }
                return tenant
            }
            return LetterSelection(fingerprint: fingerprint, tenant: tenant, reason: reason)
        }
    }
}

/// Which letters a command is to change: it has to be said.
struct LetterChoice: ParsableArguments {
    @Argument(help: "Ids of letters, as 'list' shows them.") var ids: [Int64] = []
    @OptionGroup(title: "Selection") var filter: LetterFilter
    @Flag(help: "All letters.") var all = false

    /// - Parameter before: only those that are older.
    func selection(before: Timestamp? = nil) throws -> LetterSelection {
        let isNarrowed = !ids.isEmpty || !filter.isEmpty || before != nil
        guard isNarrowed != all else {
            throw Failure(
                .usage,
                all ? "Either all letters, or those that are named." : "Say which letters are meant.",
                hint: "Name their ids, or --fingerprint, --tenant, --reason, or --all. See autotask-worker dead-letters list."
            )
        }
        var selection = try filter.selection
        if !ids.isEmpty { selection.ids = Set(ids) }
        selection.before = before
        return selection
    }
}
