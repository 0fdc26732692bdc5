import Contract
import FoundationEssentials
import Synchronization

/// All databases of the simulated Autotask, and their faults.
final class Simulator: Sendable {
    let faults = FaultBoard()
    /// The calls of users whose database is not known.
    let strangers = CallJournal()
    private let directory = Mutex(Directory())
    private let currentSettings = Mutex(Settings())
    private let lastSequence = Atomic(0)

    private struct Directory {
        var databases: [Int64: Database] = [:]
        var byUser: [String: Database] = [:]

        /// Adds or replaces a database. Its users must not belong to another one.
        mutating func put(_ database: Database, users: some Sequence<String>) throws(ControlError) {
            for user in users {
                if let owner = byUser[user], owner.id != database.id {
                    throw ControlError(.conflict, "The user \(user) belongs to database \(owner.id).")
                }
            }
            byUser = byUser.filter { $0.value.id != database.id }
            for user in users { byUser[user] = database }
            databases[database.id] = database
        }
    }

    var settings: Settings { currentSettings.withLock { $0 } }

    func apply(_ change: SettingsChange) {
        currentSettings.withLock { $0.apply(change) }
    }

    /// The number of the call that was just received.
    func nextSequence() -> Int {
        lastSequence.add(1, ordering: .relaxed).newValue
    }

    /// Replaces everything.
    func load(_ seed: Seed) throws(ControlError) {
        for fault in seed.faults ?? [] { try check(fault) }
        removeDatabases()
        faults.remove()
        strangers.reset()
        currentSettings.withLock { $0 = Settings() }
        if let settings = seed.settings { apply(settings) }
        try put(seed.databases ?? [])
        for fault in seed.faults ?? [] { _ = faults.add(fault) }
    }

    func add(_ fault: Fault) throws(ControlError) -> Int {
        try check(fault)
        return faults.add(fault)
    }

    private func check(_ fault: Fault) throws(ControlError) {
        if let complaint = fault.complaint { throw ControlError(.invalid, complaint) }
    }
}

extension Simulator {
    /// The databases in the order of their ids.
    var databases: [Database] {
        directory.withLock { $0.databases.values.sorted { $0.id < $1.id } }
    }

    func database(_ id: Int64) throws(ControlError) -> Database {
        guard let database = directory.withLock({ $0.databases[id] }) else { throw ControlError(.notFound, "There is no database \(id).") }
        return database
    }

    func database(ofUser username: String) -> Database? {
        directory.withLock { $0.byUser[APIUser.key(username)] }
    }

    /// Creates databases. Existing ones are replaced completely, including their records.
    func put(_ seeds: [DatabaseSeed]) throws(ControlError) {
        let now = Date()
        for seed in seeds {
            if let name = seed.fields.keys.first(where: { Entity.services.index(of: $0) == nil }) {
                throw ControlError(.invalid, "Services have no field \(name).")
            }
            let database = Database(seed, at: now)
            let users = database.withState { Array($0.users.keys) }
            try directory.withLock { (directory) throws(ControlError) in try directory.put(database, users: users) }
        }
    }

    /// - Returns: the ids of the new services.
    func apply(_ change: DatabaseChange, to database: Database) throws(ControlError) -> [Int64] {
        try directory.withLock { (directory) throws(ControlError) in
            guard directory.databases[database.id] === database else { return }
            let present = database.withState { Array($0.users.keys) }
            let users = Set(present + (change.users ?? []).map { APIUser.key($0.username) })
            try directory.put(database, users: users)
        }
        return database.withState { $0.apply(change, at: Date()) }
    }

    func removeDatabase(_ id: Int64) throws(ControlError) {
        _ = try database(id)
        directory.withLock { directory in
            directory.databases[id] = nil
            directory.byUser = directory.byUser.filter { $0.value.id != id }
        }
    }

    func removeDatabases() {
        directory.withLock { $0 = Directory() }
    }
}

extension Simulator {
    /// The calls of one database, or of all databases and unknown users, in the order of arrival.
    func calls(_ filter: CallFilter) throws(ControlError) -> [Call] {
        if let id = filter.database { return try database(id).journal.calls(filter) }
        let journals = databases.map(\.journal) + [strangers]
        return journals.flatMap { $0.calls(filter) }.sorted { $0.sequence < $1.sequence }
    }

    func resetCalls(of id: Int64?) throws(ControlError) {
        if let id { return try database(id).journal.reset() }
        for database in databases { database.journal.reset() }
        strangers.reset()
    }

    /// The number of calls kept, and the maximum in progress at once.
    func summary(of id: Int64?) throws(ControlError) -> JSON {
        var calls = id == nil ? strangers.summary.calls : 0
        var maxima: [JSON] = []
        for database in try id.map({ (id) throws(ControlError) in [try self.database(id)] }) ?? databases {
            let summary = database.journal.summary
            calls += summary.calls
            for (entity, count) in summary.maximumInFlight.sorted(by: { $0.key < $1.key }) {
                maxima.append(["database": .integer(database.id), "entity": .string(entity), "count": .integer(count)])
            }
        }
        return ["calls": .integer(calls), "maximumInFlight": .array(maxima)]
    }
}
