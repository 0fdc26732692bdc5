import Contract
import FoundationEssentials
import Hummingbird

/// The control API for tests and demonstrations: everything under `/simulator`, in JSON.
///
/// | call | what it does |
/// |---|---|
/// | `PUT seed` | replaces everything with a ``Seed``, the document of `--seed` |
/// | `PUT databases` | creates or replaces databases: `{"databases": […]}`, each a ``DatabaseSeed`` |
/// | `GET databases`, `GET databases/ID`, `GET databases/ID/services` | the state, with costs and without secrets |
/// | `PATCH databases/ID` | a ``DatabaseChange``, as if made in the user interface. Answers `{"createdServices": [ids]}` |
/// | `DELETE databases`, `DELETE databases/ID` | removes them |
/// | `POST faults` | adds a ``Fault``: `{"kind": "lostResponse", "database": 123456, "operation": "create", "times": 1}`. Answers `{"id": 1}` |
/// | `GET faults`, `DELETE faults`, `DELETE faults/ID` | lists them with their hits; removes them, and releases the calls that hang on them |
/// | `GET calls?database=&entity=&method=&operation=&status=&user=&after=` | the recorded calls, each a ``Call`` |
/// | `GET calls/summary?database=` | the number of calls, and the maximum in progress at once: `{"calls": 2, "maximumInFlight": [{"database", "entity", "count"}]}` |
/// | `DELETE calls?database=` | forgets the calls and maxima |
/// | `GET settings`, `PATCH settings` | the ``Settings``: `{"latencyMilliseconds": 200, "quotaLatencyScale": 0, "recordBodies": true, "recordLimit": 10000}` |
/// | `GET health` | `{"status": "ok", "databases": 3}` |
///
/// Failures are 400, 404 or 409 with `{"error": "text"}`.
struct ControlRoutes: Sendable {
    private static let maximumBody = 64 << 20

    let simulator: Simulator

    func add(to router: Router<SimulatorContext>) {
        let group = router.group("simulator")
        addDatabases(to: group)
        addFaults(to: group)
        addCalls(to: group)
        route(group, .get, "health") { _, _ in .json(["status": "ok", "databases": .integer(simulator.databases.count)]) }
        route(group, .get, "settings") { _, _ in .json(simulator.settings.json) }
        route(group, .patch, "settings") { request, _ in
            simulator.apply(try await decode(SettingsChange.self, from: request))
            return .json(simulator.settings.json)
        }
        route(group, .put, "seed") { request, _ in
            try simulator.load(try await decode(Seed.self, from: request))
            return .json(["databases": .integer(simulator.databases.count)])
        }
    }

    private func addDatabases(to group: RouterGroup<SimulatorContext>) {
        route(group, .get, "databases") { _, _ in
            let now = Date()
            return .json([
                "databases": .array(
                    simulator.databases.map { database in
                        database.withState { $0.json(id: database.id, withServices: false, at: now) }
                    }
                )
            ])
        }
        route(group, .put, "databases") { request, _ in
            struct Body: Decodable { let databases: [DatabaseSeed] }
            let seeds = try await decode(Body.self, from: request).databases
            try simulator.put(seeds)
            return .json(["databases": .integer(seeds.count)])
        }
        route(group, .delete, "databases") { _, _ in
            simulator.removeDatabases()
            return .noContent
        }
        route(group, .get, "databases/:id") { _, context in
            let database = try database(context)
            return .json(database.withState { $0.json(id: database.id, withServices: true, at: Date()) })
        }
        route(group, .patch, "databases/:id") { request, context in
            let change = try await decode(DatabaseChange.self, from: request)
            let created = try simulator.apply(change, to: try database(context))
            return .json(["createdServices": .array(created.map { .integer($0) })])
        }
        route(group, .delete, "databases/:id") { _, context in
            try simulator.removeDatabase(try database(context).id)
            return .noContent
        }
        route(group, .get, "databases/:id/services") { _, context in
            .json(["services": try database(context).withState { $0.servicesJSON }])
        }
    }

    private func addFaults(to group: RouterGroup<SimulatorContext>) {
        route(group, .get, "faults") { _, _ in .json(["faults": simulator.faults.json]) }
        route(group, .post, "faults") { request, _ in
            let id = try simulator.add(try await decode(Fault.self, from: request))
            return .json(["id": .integer(id)], status: 201)
        }
        route(group, .delete, "faults") { _, _ in
            simulator.faults.remove()
            return .noContent
        }
        route(group, .delete, "faults/:id") { _, context in
            let id = context.parameters.get("id", as: Int.self)
            guard let id, simulator.faults.remove(id) else { throw ControlError(.notFound, "The fault does not exist.") }
            return .noContent
        }
    }

    private func addCalls(to group: RouterGroup<SimulatorContext>) {
        route(group, .get, "calls") { request, _ in
            let calls = try simulator.calls(try CallFilter(QueryParameters(request.uri.query)))
            return .json(["calls": .array(calls.map(\.json))])
        }
        route(group, .get, "calls/summary") { request, _ in
            .json(try simulator.summary(of: try CallFilter(QueryParameters(request.uri.query)).database))
        }
        route(group, .delete, "calls") { request, _ in
            try simulator.resetCalls(of: try CallFilter(QueryParameters(request.uri.query)).database)
            return .noContent
        }
    }

    private func database(_ context: SimulatorContext) throws -> Database {
        guard let id = context.parameters.get("id", as: Int64.self) else { throw ControlError(.notFound, "A database's id is a number.") }
        return try simulator.database(id)
    }

    private func decode<Value: Decodable>(_ type: Value.Type, from request: Request) async throws -> Value {
        let body = try await request.body.collect(upTo: ControlRoutes.maximumBody)
        return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
    }

    private func route(
        _ group: RouterGroup<SimulatorContext>,
        _ method: HTTPRequest.Method,
        _ path: RouterPath,
        answer: @escaping @Sendable (Request, SimulatorContext) async throws -> Answer
    ) {
        group.on(path, method: method) { request, context in
            do {
                return try await answer(request, context).response
            } catch let error as ControlError {
                return Answer.json(["error": .string(error.message)], status: error.code.rawValue).response
            } catch let error as DecodingError {
                return Answer.json(["error": .string("\(error)")], status: ControlError.Code.invalid.rawValue).response
            }
        }
    }
}

extension Answer {
    fileprivate static let noContent = Answer(status: 204)
}

extension CallFilter {
    /// - Throws: ``ControlError`` for an invalid number: a filter that is silently ignored would let assertions pass.
    fileprivate init(_ parameters: QueryParameters) throws(ControlError) {
        func number<Number: FixedWidthInteger>(_ name: String, as type: Number.Type) throws(ControlError) -> Number? {
            guard let text = parameters[name] else { return nil }
            guard let number = Number(text) else { throw ControlError(.invalid, "\(name) must be a number.") }
            return number
        }
        self.init(
            database: try number("database", as: Int64.self),
            entity: parameters["entity"],
            method: parameters["method"],
            operation: parameters["operation"],
            status: try number("status", as: Int.self),
            user: parameters["user"],
            after: try number("after", as: Int.self)
        )
    }
}
