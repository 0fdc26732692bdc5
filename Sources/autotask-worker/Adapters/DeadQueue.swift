import AMQP
import Contract
import Engine
import Logging
import Store
import Vault

/// The queue of messages that the broker gave up on.
struct DeadQueue {
    private let name: String
    private let configuration: AMQPConfiguration
    private let log: Logger
    private let vault: Vault
    /// `nil` trusts every publisher.
    private let trusted: TrustedPublishers?

    /// How long to wait for a message that the broker has counted.
    private static let patience: Duration = .seconds(3)

    /// - Parameters:
    ///   - broker: the broker of the queue.
    ///   - vault: seals the kept data of jobs.
    init(_ broker: Broker, vault: Vault) throws {
        self.vault = vault
        trusted = try broker.settings.engine.trustedPublishers
        name = broker.deadQueue
        configuration = try broker.configuration(name: "autotask-worker dead-letters")
        var log = Logger(label: "autotask-worker", factory: { StreamLogHandler.standardError(label: $0) })
        // The command reports errors itself.
        log.logLevel = .critical
        self.log = log
    }

    /// Empties the queue. A message is acknowledged once `record` has returned.
    ///
    /// - Parameters:
    ///   - now: the time to record for the messages.
    ///   - record: keeps records of some messages, on disk when it returns.
    /// - Returns: the number of messages.
    func collect(at now: Timestamp, record: @escaping @Sendable ([CollectedLetter]) async throws -> Void) async throws -> Int {
        var collected = 0
        while true {
            let expected = try await count()
            guard expected > 0 else { return collected }
            let received = try await withConsumer { consumer in
                var received = 0
                while received < expected, let deliveries = await next(of: consumer) {
                    try await record(deliveries.map { letter(of: $0, at: now) })
                    consumer.acknowledge(deliveries)
                    received += deliveries.count
                }
                return received
            }
            // Another consumer takes them.
            guard received > 0 else { return collected }
            collected += received
        }
    }

    private func count() async throws -> Int {
        do { return try await Topology.messageCount(of: name, on: configuration) } catch {
            guard error.code == .notFound else {
                throw Failure(.unavailable, error.message, hint: error.advice(about: "AMQP_URL"))
            }
            throw Failure(.unavailable, "There is no queue \(name).", hint: "Run: autotask-worker topology apply")
        }
    }

    private func withConsumer<Value: Sendable>(_ body: (Consumer) async throws -> Value) async throws -> Value {
        var consuming = ConsumerConfiguration(sources: [ConsumerSource(queue: name)])
        consuming.endsWhenClosed = true
        let consumer = try Consumer(connection: configuration, configuration: consuming, log: log)
        let running = Task { try await consumer.run() }
        let result: Result<Value, any Error>
        do {
            try await consumer.untilConsuming(atMost: .seconds(10), for: "the queue \(name)") { [name] error in
                guard let error, error.code != .notPermitted else {
                    return "Set AMQP_URL to a user that may read \(name), such as operator."
                }
                return error.advice(about: "AMQP_URL")
            }
            result = .success(try await body(consumer))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        // By then the broker has the acknowledgements.
        _ = await running.result
        return try result.get()
    }

    /// - Returns: `nil` when no message arrives in time.
    private func next(of consumer: Consumer) async -> [Delivery]? {
        await withTaskGroup(of: [Delivery]?.self) { group in
            group.addTask { await consumer.nextBatch() }
            group.addTask {
                try? await Task.sleep(for: DeadQueue.patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}

extension DeadQueue {
    /// The record of a message that the broker gave up on. It keeps the data of a trusted publisher's valid job, sealed like that of an
    /// accepted job. It keeps no other body, and never clear credentials.
    private func letter(of delivery: Delivery, at now: Timestamp) -> CollectedLetter {
        let message = JobMessage(delivery)
        let sha256 = message.oversized?.sha256 ?? Vault.sha256(message.body)
        let death = Death(delivery.properties.headers)
        let distinction = [sha256.hexadecimal, message.messageID ?? ""] + death.parts
        var dead = DeadMessage(
            sha256: sha256,
            size: message.oversized?.size ?? message.body.count,
            queue: death.queue ?? delivery.queue,
            exchange: death.exchange ?? delivery.exchange,
            routingKey: message.routingKey,
            messageID: message.messageID,
            death: distinction.joined(separator: " ")
        )
        let decoded = message.decoded(acceptsClearCredentials: false)
        var sealed: [UInt8]?
        if case .job(let job) = decoded, isTrusted(message, job.identity) {
            sealed = vault.sealPayload(job.data, job: job.id, lane: job.lane)
            dead.job = UndeliveredJob(
                publishedAt: min(job.time ?? now, death.time ?? now),
                expiry: job.expiry,
                revision: job.payload.revision,
                traceparent: job.traceparent
            )
        }
        let identity = decoded.identity
        let letter = DeadLetter(
            at: now,
            cause: FailureCause(reason: death.reason, kind: identity.flatMap { JobKind(type: $0.type) }),
            detail: death.detail,
            tenant: identity?.lane.tenant,
            product: identity?.lane.product,
            jobID: identity?.id,
            publisher: message.userID,
            content: .message(dead)
        )
        return CollectedLetter(letter, sealedPayload: sealed)
    }

    private func isTrusted(_ message: JobMessage, _ identity: JobIdentity) -> Bool {
        guard let trusted else { return true }
        return trusted.scope(of: message.userID)?.covers(identity.lane.tenant) ?? false
    }
}

/// A message's last death, from RabbitMQ's header `x-death`.
private struct Death {
    private let members: [String: AMQPFieldValue]

    init(_ headers: [String: AMQPFieldValue]) {
        // The last death comes first.
        guard case .array(let deaths)? = headers["x-death"], case .table(let last)? = deaths.first else {
            members = [:]
            return
        }
        members = last
    }

    /// RabbitMQ's own word: `rejected`, `expired`, `maxlen`, `delivery_limit`.
    var reason: String { members["reason"]?.string ?? "unexplained" }
    var queue: String? { members["queue"]?.string }
    var exchange: String? { members["exchange"]?.string }

    private var count: Int64 {
        guard case .integer(let count)? = members["count"] else { return 1 }
        return count
    }

    private var seconds: UInt64 {
        guard case .timestamp(let time)? = members["time"] else { return 0 }
        return time
    }

    /// When RabbitMQ gave up on it.
    var time: Timestamp? { seconds > 0 ? Timestamp(millisecondsSinceEpoch: Int64(clamping: seconds) * 1000) : nil }

    /// The parts that distinguish it from other deaths of the same message.
    var parts: [String] { [queue ?? "", reason, String(count), String(seconds)] }

    var detail: String {
        guard let queue else { return "It was in the queue of dead messages, without a reason from RabbitMQ." }
        return "RabbitMQ gave up on it in the queue \(queue): \(reason), \(count) times."
    }
}
