import ArgumentParser
import Contract
import SQLiteStore
import Store
import Vault

/// `pause …`: makes jobs wait, and lets them go on.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Makes jobs wait: of a tenant, an Autotask database, a zone, a kind, or all.",
        discussion: """
            A sync that a pause holds waits, and its portal is informed once by 'job.deferred' with the code 'held'. The time for retries stands \
            still; the job's own expiry does not. Previews, verifications and other jobs for which a person waits end at once with 'held'. A sync \
            that runs stops before its next write. A reset always passes; a connect and a diagnosis pass unless their kind or everything is \
            paused. Workers notice a change within three seconds.

            Example: autotask-worker pause set --tenant msp-4711 --reason "wrong prices in the plan"
            """,
        subcommands: [Set.self, List.self, End.self]
    )

    struct Set: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begins a pause. One of the same scope ends.",
            discussion: """
                Without --for and --until, it lasts 24 hours.

                Example: autotask-worker pause set --kind sync --reason "Autotask's maintenance" --for 2h
                """
        )
        @OptionGroup(title: "Scope") var choice: PauseChoice
        @Option(help: ArgumentHelp("Why: shown wherever the pause is.", valueName: "text")) var reason: String
        @Option(name: .customLong("for"), help: ArgumentHelp("How long: 30m, 24h or 7d.", valueName: "time")) var duration: String?
        @Option(help: ArgumentHelp("Until when.", valueName: "date-time")) var until: String?
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard duration == nil || until == nil else { throw ValidationError("Use either --for or --until.") }
        }

        func result(_ settings: Configuration) async throws -> Outcome {
            let now = SystemTime.now
            let order = PauseOrder(try choice.scope, because: try checkedReason, until: try end(from: now))
            guard order.end > now, order.end <= now + Pause.longest else {
                throw Failure(.usage, "A pause ends later than now, and after at most 30 days.", hint: "A longer one is set again in time.")
            }
            let pause = try await PairedStore.using(settings) { store, _ in try await store.pause(order, by: .caller, at: now) }
            guard let pause else {
                throw Failure(
                    .no,
                    "\(Pause.limit) pauses are in force, and there can be no more.",
                    hint: "End some, or use one with a wider scope. See autotask-worker pause list."
                )
            }
            var outcome = Outcome(["pause": pause.json])
            outcome.lines = ["The pause \(pause.id) holds \(pause.scope.words) until \(pause.end)."]
            return outcome
        }

        private var checkedReason: String {
            get throws {
                guard reason.unicodeScalars.count <= 200, reason.contains(where: { !$0.isWhitespace }) else {
                    throw Failure(.usage, "The reason is empty or longer than 200 characters.")
                }
                return reason
            }
        }

        private func end(from now: Timestamp) throws -> Timestamp {
            if let until {
                guard let moment = Timestamp(until) else {
                    throw Failure(.usage, "\(until) is not a date-time of RFC 3339.", hint: "Write it as 2026-11-01T00:00:00Z.")
                }
                return moment
            }
            return now + (try duration.map { try Duration(argument: $0) } ?? Pause.usual)
        }
    }

    struct List: OutputCommand, WatchedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the pauses in force.",
            discussion: "Example: autotask-worker pause list"
        )
        @OptionGroup var watch: WatchOptions
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Listing<Pause> {
            let now = SystemTime.now
            let pauses = try await OpenStore.using(settings) { try await $0.pauses(at: now) }
            return Listing(elements: pauses, whenEmpty: "Nothing is paused.")
        }
    }

    struct End: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends a pause before its time.",
            discussion: "Example: autotask-worker pause end 3"
        )
        @Argument(help: "The pause, as 'list' shows it.") var id: Int64
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let pause = try await PairedStore.using(settings) { store, _ in
                try await store.endPause(id, by: .caller, at: SystemTime.now)
            }
            guard let pause else {
                throw Failure(.no, "No pause \(id) is in force.", hint: "See autotask-worker pause list.")
            }
            var outcome = Outcome(["pause": pause.json])
            outcome.lines = ["The pause of \(pause.scope.words) has ended."]
            return outcome
        }
    }
}

/// The scope of a pause. Exactly one is named.
struct PauseChoice: ParsableArguments {
    @Option(help: ArgumentHelp("Jobs of this tenant.", valueName: "id"), completion: OfferedNames.tenants) var tenant: String?
    @Option(
        help: ArgumentHelp("With --tenant: only workplace or fileProtection.", valueName: "name"),
        completion: OfferedNames.products
    ) var product: String?
    @Option(help: ArgumentHelp("Jobs of all tenants of this Autotask database.", valueName: "id")) var database: Int64?
    @Option(help: ArgumentHelp("Jobs of all tenants of this zone, such as webservices14.", valueName: "name")) var zone: String?
    @Option(help: ArgumentHelp("Jobs of this kind.", valueName: "kind"), completion: .list(JobKind.allCases.map(\.rawValue))) var kind:
        String?
    @Flag(help: "All jobs but resets.") var all = false

    func validate() throws {
        let count = [tenant != nil, database != nil, zone != nil, kind != nil, all].count { $0 }
        guard count == 1 else { throw ValidationError("Name one of --tenant, --database, --zone, --kind and --all.") }
        guard product == nil || tenant != nil else { throw ValidationError("--product needs --tenant.") }
    }

    var scope: PauseScope {
        get throws {
            if let tenant {
                let tenant = try TenantID(argument: tenant)
                return try product.map { .lane(Lane(tenant: tenant, product: try Product(argument: $0))) } ?? .tenant(tenant)
            }
            if let database { return .database(database) }
            if let zone { return .zone(try PauseChoice.zone(zone)) }
            guard let kind else { return .all }
            let named = try JobKind(argument: kind)
            guard named != .reset else {
                throw Failure(.usage, "Resets cannot be paused.", hint: "What a tenant wants erased must not wait.")
            }
            return .kind(named)
        }
    }

    private static func zone(_ text: String) throws -> String {
        let name = PausePlace.zone(ofHost: text)
        guard !name.isEmpty, name.utf8.count <= 253,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") })
        else {
            throw Failure(.usage, "\(text) is not the name of a zone.", hint: "Write it as webservices14, as tenant show has it.")
        }
        return name
    }
}

extension Pause: ListElement {
    static let columns: [Table.Column] = [
        .init("ID", "id", .number), .init("SCOPE", "scope"), .init("SINCE", "since", .time), .init("UNTIL", "until", .time),
        .init("ACTOR", "actor"), .init("REASON", "reason", .words),
    ]

    var row: Table.Row {
        Table.Row(cells: [
            .number(id), .text(scope.description, .bold), .time(begin), .time(end), .text(actor), .text(reason),
        ])
    }

    var json: JSON {
        .members(["id": id, "scope": scope.description, "since": begin, "until": end, "actor": actor, "reason": reason])
    }
}

extension PauseScope {
    /// What it holds, in words.
    var words: String {
        switch self {
        case .all: "all jobs but resets"
        case .kind(let kind): "jobs of the kind \(kind.rawValue)"
        case .tenant(let tenant): "jobs of the tenant \(tenant)"
        case .lane(let lane): "jobs of \(lane)"
        case .database(let id): "jobs on the Autotask database \(id)"
        case .zone(let name): "jobs in the zone \(name)"
        }
    }
}
