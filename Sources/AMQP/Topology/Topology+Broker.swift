import Confinement

extension Topology {
    /// Declares everything, each entity after those that it refers to. Entities that already exist as described do not change.
    ///
    /// - Throws: ``AMQPError`` `.preconditionFailed` if an entity exists with another type or other arguments. RabbitMQ cannot change
    ///   those, so it has to be drained, deleted and applied again. `.notPermitted` if the user may not configure.
    package func apply(to configuration: AMQPConfiguration) async throws(AMQPError) {
        try await BrokerConnection.use(configuration) { (connection) throws(AMQPError) in
            for exchange in exchanges { try connection.declare(exchange, passively: false) }
            for queue in queues { try connection.declare(queue, passively: false) }
            for binding in bindings { try connection.bind(binding) }
        }
    }

    /// Checks which exchanges and queues exist. Any user may ask, but cannot see types, arguments and bindings.
    package func check(on configuration: AMQPConfiguration) async throws(AMQPError) -> TopologyReport {
        try await examine(on: configuration).report
    }

    /// Checks which exchanges and queues exist, and returns the states of the queues by name.
    package func examine(
        on configuration: AMQPConfiguration
    ) async throws(AMQPError) -> (report: TopologyReport, queues: [String: QueueState]) {
        try await BrokerConnection.use(configuration) { (connection) throws(AMQPError) in
            var report = TopologyReport(unseen: TopologyReport.unseenWithoutManagement)
            var states: [String: QueueState] = [:]
            for exchange in exchanges {
                let found: Void? = try connection.unlessMissing { (connection) throws(AMQPError) in
                    try connection.declare(exchange, passively: true)
                }
                if found == nil { report.findings.append(.init(.missing, "exchange \(exchange.name)")) }
            }
            for queue in queues {
                states[queue.name] = try connection.unlessMissing { (connection) throws(AMQPError) in
                    try connection.declare(queue, passively: true)
                }
                if states[queue.name] == nil { report.findings.append(.init(.missing, "queue \(queue.name)")) }
            }
            return (report, states)
        }
    }

    /// The number of messages that are ready in a queue at this moment.
    ///
    /// - Throws: ``AMQPError`` `.notFound` if the queue does not exist.
    package static func messageCount(of queue: String, on configuration: AMQPConfiguration) async throws(AMQPError) -> Int {
        try await BrokerConnection.use(configuration) { (connection) throws(AMQPError) in
            try connection.declare(Queue(name: queue, arguments: [:]), passively: true).ready
        }
    }

    /// The broker's reason for refusing a message of this size; `nil` if it accepts one. Any user may ask; no queue gets a message.
    package static func refusal(ofMessageWith bytes: Int, on configuration: AMQPConfiguration) async throws(AMQPError) -> String? {
        try await BrokerConnection.use(configuration) { (connection) throws(AMQPError) in
            try connection.refusal(ofMessageWith: bytes)
        }
    }

    /// Deletes everything that it describes, including messages. For tests.
    package func delete(from configuration: AMQPConfiguration) async throws(AMQPError) {
        try await BrokerConnection.use(configuration) { (connection) throws(AMQPError) in
            for queue in queues { try connection.deleteQueue(queue.name) }
            for exchange in exchanges { try connection.deleteExchange(exchange.name) }
        }
    }
}

extension BrokerConnection {
    /// Runs `body` with a new connection on a new thread, and closes the connection. The configuration's timeouts limit its waits.
    static func use<Value: Sendable>(
        _ configuration: AMQPConfiguration,
        _ body: @escaping @Sendable (BrokerConnection) throws(AMQPError) -> Value
    ) async throws(AMQPError) -> Value {
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, AMQPError>, Never>) in
            do throws(ConfinementError) {
                try ConfinedThread.start(name: "amqp-admin") {
                    let result = Result { () throws(AMQPError) -> Value in
                        let connection = try open(configuration)
                        defer { connection.close() }
                        return try body(connection)
                    }
                    continuation.resume(returning: result)
                }
            } catch {
                continuation.resume(returning: .failure(AMQPError(.unexpected, error.description)))
            }
        }
        return try result.get()
    }

    /// - Returns: `nil` if the entity does not exist.
    fileprivate func unlessMissing<Value>(_ declare: (BrokerConnection) throws(AMQPError) -> Value) throws(AMQPError) -> Value? {
        do { return try declare(self) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }
}
