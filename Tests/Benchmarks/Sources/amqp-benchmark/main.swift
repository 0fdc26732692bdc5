import AMQP
import Glibc
import Logging

/// Moves messages through a worker's path at the broker: it consumes them from one quorum queue, answers each with a confirmed, persistent
/// publish to another, and acknowledges it once that is confirmed.
///
///     AMQP_URL=amqp://… amqp-benchmark [messages] [bytes]
///
/// The user must be allowed to declare queues. The program prints messages per second and this process's CPU microseconds per message.
struct PathBenchmark {
    static let exchange = "amqp-benchmark"
    static let source = "amqp-benchmark.in"
    static let target = "amqp-benchmark.out"

    let connection: AMQPConfiguration
    let messageCount: Int
    let bodyBytes: Int
    var log = Logger(label: "amqp-benchmark")

    init(connection: AMQPConfiguration, messageCount: Int, bodyBytes: Int) {
        self.connection = connection
        self.messageCount = messageCount
        self.bodyBytes = bodyBytes
        log.logLevel = .error
    }

    private var topology: Topology {
        Topology(
            exchanges: [.init(name: Self.exchange, kind: .topic)],
            queues: [Self.source, Self.target].map { .init(name: $0, arguments: ["x-queue-type": "quorum"]) },
            bindings: [
                .init(exchange: Self.exchange, queue: Self.source, routingKey: "in"),
                .init(exchange: Self.exchange, queue: Self.target, routingKey: "out"),
            ]
        )
    }

    func run() async throws {
        try await topology.apply(to: connection)
        let publisher = try Publisher(connection: connection, log: log)
        try await withThrowingTaskGroup { group in
            group.addTask { try await publisher.run() }
            try await fill(publisher)
            try await move(publisher)
            group.cancelAll()
        }
        try await topology.delete(from: connection)
    }

    private func fill(_ publisher: Publisher) async throws {
        let body = [UInt8](repeating: UInt8(ascii: "x"), count: bodyBytes)
        for start in stride(from: 0, to: messageCount, by: 1000) {
            let messages = (start..<min(start + 1000, messageCount)).map { index in
                OutboundMessage(exchange: Self.exchange, routingKey: "in", properties: properties(id: "job-\(index)"), body: body)
            }
            for result in await publisher.publish(messages) { try result.get() }
        }
    }

    private func move(_ publisher: Publisher) async throws {
        let consumer = try Consumer(
            connection: connection,
            configuration: ConsumerConfiguration(sources: [ConsumerSource(queue: Self.source)]),
            log: log
        )
        try await withThrowingTaskGroup { group in
            group.addTask { try await consumer.run() }
            for await state in consumer.states where state.isConsuming { break }
            let clock = ContinuousClock()
            let cpuBefore = cpuMicroseconds()
            let start = clock.now
            var moved = 0
            while moved < messageCount, let batch = await consumer.nextBatch() {
                moved += batch.count
                let messages = batch.map { delivery in
                    guard case .bytes(let body) = delivery.body else { fatalError("the benchmark's own messages are small") }
                    return OutboundMessage(
                        exchange: Self.exchange,
                        routingKey: "out",
                        properties: properties(id: delivery.properties.messageID ?? ""),
                        body: body
                    )
                }
                // The confirms are not awaited: while one batch is being confirmed, the next arrives.
                let isLast = moved >= messageCount
                if isLast {
                    for result in await publisher.publish(messages) { try result.get() }
                    consumer.acknowledge(batch)
                } else {
                    publisher.submit(messages) { results in
                        if results.allSatisfy({ (try? $0.get()) != nil }) { consumer.acknowledge(batch) }
                    }
                }
            }
            let duration = start.duration(to: clock.now)
            let cpu = cpuMicroseconds() - cpuBefore
            let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
            print("\(Int(Double(messageCount) / seconds)) messages/s, \(cpu / messageCount) µs of CPU each")
            group.cancelAll()
        }
    }

    private func properties(id: String) -> MessageProperties {
        MessageProperties(
            contentType: "application/cloudevents+json",
            messageID: id,
            type: "autotask.sync.succeeded",
            timestamp: 1_790_000_000
        )
    }

    private func cpuMicroseconds() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000 + Int(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }
}

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let url = getenv("AMQP_URL").map { String(cString: $0) } ?? "amqp://guest:guest@127.0.0.1:5672/"
try await PathBenchmark(
    connection: AMQPConfiguration(url: url),
    messageCount: arguments.first ?? 20_000,
    bodyBytes: arguments.dropFirst().first ?? 400
).run()
