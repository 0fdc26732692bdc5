import AMQP
import Crypto
import Testing

@Suite(.enabled(if: TestBroker.isAvailable), .timeLimit(.minutes(1)))
struct ConsumerTests {
    @Test func `messages arrive in order, with their properties`() async throws {
        try await Scratch.with { scratch in
            var messages = (1...3).map { scratch.message($0) }
            messages[1].properties = MessageProperties(
                contentType: "application/cloudevents+json",
                messageID: "2",
                correlationID: "job",
                type: "autotask.job.sync",
                userID: try TestBroker.configuration().userName,
                appID: "portal",
                timestamp: 1_790_000_000,
                headers: [
                    "traceparent": "00-é", "number": .integer(1 << 40), "flag": true, "bytes": .bytes([0, 255]),
                    "nested": .table(["list": .array([1, "two", .void])]),
                ]
            )
            try await scratch.publish(messages)
            let consumer = try scratch.consumer()
            try await withRunning(consumer) {
                let deliveries = try await consumer.take(3)
                #expect(deliveries.map(\.id) == [1, 2, 3])
                let delivery = deliveries[1]
                #expect(delivery.queue == scratch.queue)
                #expect(delivery.exchange == scratch.name)
                #expect(delivery.routingKey == scratch.queue)
                #expect(!delivery.isRedelivered)
                #expect(delivery.body == .bytes(Array("body".utf8)))
                #expect(delivery.properties.contentType == "application/cloudevents+json")
                #expect(delivery.properties.deliveryMode == 2)
                #expect(delivery.properties.correlationID == "job")
                #expect(delivery.properties.type == "autotask.job.sync")
                #expect(delivery.properties.userID == "admin")
                #expect(delivery.properties.appID == "portal")
                #expect(delivery.properties.timestamp == 1_790_000_000)
                for (key, value) in messages[1].properties.headers { #expect(delivery.properties.headers[key] == value) }
            }
        }
    }

    /// RabbitMQ counts a delivery of each message that it handed over. The argument sets a limit as RabbitMQ 4 has by default.
    @Test func `messages that end their consumer every time do not affect their neighbours`() async throws {
        let arguments: [String: AMQPFieldValue] = ["x-queue-type": "quorum", "x-delivery-limit": 20]
        try await Scratch.with(arguments: arguments) { scratch in
            try await scratch.publish((1...100).map { scratch.message($0) })
            var taken: [Int] = []
            // Four poison messages, each of which ends five consumers before it is recorded unread, and forty other messages.
            let poison = [1, 2, 50, 51]
            var ends: [Int: Int] = [:]
            lives: while taken.count < 100 {
                let consumer = try scratch.consumer { $0.beginsWithOne = true }
                try await withRunning(consumer) {
                    while taken.count < 100, let batch = await consumer.nextBatch() {
                        for delivery in batch {
                            if poison.contains(delivery.id), ends[delivery.id, default: 0] < 12 {
                                ends[delivery.id, default: 0] += 1
                                return
                            }
                            taken.append(delivery.id)
                            consumer.acknowledge([delivery])
                        }
                    }
                }
                if ends.values.reduce(0, +) > 60 { break lives }
            }
            #expect(Set(taken) == Set(1...100))
            #expect(ends.values.reduce(0, +) == 48)
        }
    }

    @Test func `the consumer switches from one message at a time to many, and keeps their order`() async throws {
        try await Scratch.with { scratch in
            try await scratch.publish((1...2000).map { scratch.message($0) })
            let consumer = try scratch.consumer { $0.beginsWithOne = true }
            try await withRunning(consumer) {
                var sizes: [Int] = []
                var ids: [Int] = []
                while ids.count < 2000, let batch = await consumer.nextBatch() {
                    sizes.append(batch.count)
                    ids += batch.map(\.id)
                    consumer.acknowledge(batch)
                }
                #expect(ids == Array(1...2000))
                #expect(sizes.first == 1 && sizes.count < 1000)
            }
        }
    }

    @Test func `unacknowledged messages go back in order when the consumer is suspended, and late acknowledgements are ignored`()
        async throws
    {
        try await Scratch.with { scratch in
            try await scratch.publish((1...10).map { scratch.message($0) })
            let consumer = try scratch.consumer()
            try await withRunning(consumer) {
                let first = try await consumer.take(10)
                consumer.acknowledge(Array(first.prefix(5)))
                consumer.suspend()
                consumer.resume()
                let second = try await consumer.take(5)
                #expect(second.map(\.id) == [6, 7, 8, 9, 10])
                #expect(second.filter(\.isRedelivered).count == 5)
                // These numbers are those of messages that the new channel delivered.
                consumer.acknowledge(first)
            }
            let ids = try await scratch.drain(5)
            #expect(ids == [6, 7, 8, 9, 10])
        }
    }

    @Test func `a delivery is held until its channel ends`() async throws {
        try await Scratch.with { scratch in
            try await scratch.publish([scratch.message(1)])
            let consumer = try scratch.consumer()
            var tags: [DeliveryTag] = []
            try await withRunning(consumer) {
                tags += try await consumer.take(1).map(\.tag)
                #expect(await consumer.holds(tags[0]))
                consumer.suspend()
                consumer.resume()
                tags += try await consumer.take(1).map(\.tag)
                #expect(await !consumer.holds(tags[0]))
                #expect(await consumer.holds(tags[1]))
            }
            for tag in tags { #expect(await !consumer.holds(tag)) }
        }
    }

    @Test func `a batch holds messages of one queue`() async throws {
        try await Scratch.with(queues: 2) { scratch in
            let queues = scratch.topology.queues.map(\.name)
            try await scratch.publish((1...20).map { scratch.message($0, queue: queues[$0 % 2]) })
            let consumer = try scratch.consumer { $0.sources = queues.map { ConsumerSource(queue: $0) } }
            try await withRunning(consumer) {
                var ids: [String: [Int]] = [:]
                while ids.values.reduce(0, { $0 + $1.count }) < 20, let batch = await consumer.nextBatch() {
                    #expect(Set(batch.map(\.queue)).count == 1)
                    for delivery in batch { ids[delivery.queue, default: []].append(delivery.id) }
                }
                #expect(
                    ids == [queues[0]: Array(stride(from: 2, through: 20, by: 2)), queues[1]: Array(stride(from: 1, through: 19, by: 2))]
                )
            }
        }
    }

    @Test func `the consumer hands over no more unacknowledged messages than the prefetch limit`() async throws {
        try await Scratch.with { scratch in
            try await scratch.publish((1...20).map { scratch.message($0) })
            let consumer = try scratch.consumer { $0.prefetch = 5 }
            try await withRunning(consumer) {
                let first = try await consumer.take(5)
                #expect(first.count == 5)
                #expect(try await scratch.messageCount() == 15)
                let seen = try await scratch.topology.examine(on: TestBroker.configuration())
                #expect(seen.report.isGood && seen.queues == [scratch.queue: QueueState(ready: 15, consumers: 1)])
                consumer.acknowledge([first[1]])
                let next = try await consumer.take(1)
                #expect(next.map(\.id) == [6])
                consumer.acknowledge(first + next)
                #expect(try await consumer.take(5).map(\.id) == [7, 8, 9, 10, 11])
            }
        }
    }

    @Test func `a large body is delivered as size and digest, and the next message arrives`() async throws {
        try await Scratch.with { scratch in
            let body = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await scratch.publish([
                scratch.message(1, body: Array(body.prefix(1 << 20))), scratch.message(2, body: body), scratch.message(3, body: []),
                scratch.message(4),
            ])
            let consumer = try scratch.consumer()
            try await withRunning(consumer) {
                let deliveries = try await consumer.take(4)
                #expect(deliveries[0].body == .bytes(Array(body.prefix(1 << 20))))
                #expect(deliveries[1].body == .oversized(size: body.count, sha256: Array(SHA256.hash(data: body))))
                #expect(deliveries[2].body == .bytes([]))
                #expect(deliveries[3].body == .bytes(Array("body".utf8)))
            }
        }
    }

    @Test func `messages acknowledged before the end stay acknowledged`() async throws {
        try await Scratch.with { scratch in
            try await scratch.publish((1...2000).map { scratch.message($0) })
            let consumer = try scratch.consumer()
            try await withRunning(consumer) {
                var taken = 0
                while taken < 2000, let batch = await consumer.nextBatch() {
                    consumer.acknowledge(batch)
                    taken += batch.count
                }
            }
            try await scratch.publish([scratch.message(2001)])
            let ids = try await scratch.drain(1)
            #expect(ids == [2001])
            #expect(try await scratch.messageCount() == 0)
        }
    }

    @Test func `a deleted queue is noticed, and consumed from again once it is back`() async throws {
        try await Scratch.with { scratch in
            let consumer = try scratch.consumer()
            try await withRunning(consumer) {
                try await consumer.states.first { $0.isConsuming }
                try await scratch.topology.delete(from: TestBroker.configuration())
                try await consumer.states.first { !$0.isConsuming }
                try await scratch.topology.apply(to: TestBroker.configuration())
                try await consumer.states.first { $0.isConsuming }
                try await scratch.publish([scratch.message(1)])
                #expect(try await consumer.take(1).map(\.id) == [1])
            }
        }
    }

    @Test func `a missing queue does not stop deliveries from the others`() async throws {
        try await Scratch.with(queues: 2) { scratch in
            let missing = scratch.topology.queues[0]
            var others = scratch.topology
            others.queues = [missing]
            others.exchanges = []
            others.bindings = scratch.topology.bindings.filter { $0.queue == missing.name }
            try await others.delete(from: TestBroker.configuration())
            let consumer = try scratch.consumer()
            try await withRunning(consumer) {
                try await scratch.publish([scratch.message(1, queue: scratch.topology.queues[1].name)])
                // It is acknowledged, because RabbitMQ 3.10 may lose a connection that consumes from a queue at the moment it is declared.
                let first = try await consumer.take(1)
                #expect(first.map(\.id) == [1])
                consumer.acknowledge(first)
                #expect(!consumer.state.isConsuming)
                try await others.apply(to: TestBroker.configuration())
                try await consumer.states.first { $0.isConsuming }
                try await scratch.publish([scratch.message(2)])
                let ids = try await consumer.take(1).map(\.id)
                #expect(ids == [2])
            }
        }
    }

    @Test func `a temporary queue receives what its bindings route to it`() async throws {
        try await Scratch.with { scratch in
            let binding = TemporaryQueue.Binding(exchange: scratch.name, routingKey: "#")
            let source = ConsumerSource(queue: "\(scratch.name).temporary", temporary: TemporaryQueue(bindings: [binding]))
            let consumer = try scratch.consumer { $0.sources = [source] }
            try await withRunning(consumer) {
                try await consumer.states.first { $0.isConsuming }
                try await scratch.publish([scratch.message(1)])
                #expect(try await consumer.take(1).map(\.id) == [1])
            }
        }
    }

    @Test func `waiting for deliveries returns when the consumer has ended or the task is cancelled`() async throws {
        try await Scratch.with { scratch in
            let consumer = try scratch.consumer()
            try await withRunning(consumer) {
                let waiting = Task { await consumer.nextBatch() }
                waiting.cancel()
                #expect(await waiting.value == nil)
            }
            #expect(await consumer.nextBatch() == nil)
        }
    }
}
