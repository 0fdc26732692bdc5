import AMQP
import Testing

@Suite(.enabled(if: TestBroker.isAvailable), .timeLimit(.minutes(1)))
struct PublisherTests {
    @Test func `many messages in flight are all confirmed, and keep their order`() async throws {
        try await Scratch.with { scratch in
            let publisher = try scratch.publisher { $0.window = 500 }
            let consumer = try scratch.consumer()
            try await withRunning(publisher, consumer) {
                async let results = publisher.publish((1...5000).map { scratch.message($0) })
                var ids: [Int] = []
                while ids.count < 5000, let batch = await consumer.nextBatch() {
                    ids += batch.map(\.id)
                    consumer.acknowledge(batch)
                }
                #expect(ids == Array(1...5000))
                #expect(await results.count == 5000)
                for result in await results { try result.get() }
            }
        }
    }

    @Test func `an unroutable message is returned, and its neighbours are not`() async throws {
        try await Scratch.with { scratch in
            let publisher = try scratch.publisher()
            try await withRunning(publisher) {
                let messages = (1...200).map { scratch.message($0, queue: $0 % 3 == 0 ? "nowhere" : nil) }
                for (result, id) in zip(await publisher.publish(messages), 1...) {
                    if id % 3 == 0 {
                        let error = #expect(throws: AMQPError.self) { try result.get() }
                        #expect(error?.code == .returned)
                        #expect(error?.replyCode == 312)
                    } else {
                        try result.get()
                    }
                }
            }
            #expect(try await scratch.messageCount() == 134)
        }
    }

    @Test func `a full queue refuses messages`() async throws {
        let arguments: [String: AMQPFieldValue] = ["x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish"]
        try await Scratch.with(arguments: arguments) { scratch in
            let publisher = try scratch.publisher()
            try await withRunning(publisher) {
                try await publisher.publish(scratch.message(1))
                let error = await #expect(throws: AMQPError.self) { try await publisher.publish(scratch.message(2)) }
                #expect(error?.code == .nacked)
            }
        }
    }

    @Test func `an exchange that does not exist fails its message, and the next is published`() async throws {
        try await Scratch.with { scratch in
            let publisher = try scratch.publisher()
            try await withRunning(publisher) {
                var message = scratch.message(1)
                message.exchange = "\(scratch.name).nowhere"
                let error = await #expect(throws: AMQPError.self) { try await publisher.publish(message) }
                #expect(error?.code == .closedChannel && error?.replyCode == 404)
                try await publisher.publish(scratch.message(2))
            }
        }
    }

    /// Messages over which the broker closes the channel, each for a different reason.
    @Test(arguments: ["exchange", "user", "size"])
    func `among several messages the culprit of a closed channel is unknown, and alone it is known`(kind: String) async throws {
        try await Scratch.with { scratch in
            let publisher = try scratch.publisher()
            try await withRunning(publisher) {
                var culprit = scratch.message(50)
                switch kind {
                case "exchange": culprit.exchange = "\(scratch.name).nowhere"
                case "user": culprit.properties.userID = "somebody-else"
                default: culprit.body = Array(repeating: 0, count: 5 << 20)
                }
                let messages = (1...100).map { $0 == 50 ? culprit : scratch.message($0) }
                let codes = await publisher.publish(messages).map { result -> AMQPError.Code? in
                    if case .failure(let error) = result { error.code } else { nil }
                }
                // A large message ends its turn: earlier ones may be confirmed by then, and it is alone.
                #expect(codes[49] == .suspected || kind == "size" && codes[49] == .closedChannel)
                let others = codes.indices.filter { $0 != 49 }.map { codes[$0] }
                #expect(others.allSatisfy { $0 == nil || $0 == .suspected || $0 == .preconditionFailed || $0 == .notFound })
                for (message, code) in zip(messages, codes) where code != nil {
                    let alone = await publisher.publish([message])[0]
                    if message.properties.messageID == culprit.properties.messageID {
                        let error = #expect(throws: AMQPError.self) { try alone.get() }
                        #expect(error?.code == .closedChannel)
                    } else {
                        try alone.get()
                    }
                }
            }
        }
    }

    @Test func `an unsendable message is refused, and no other is affected`() async throws {
        try await Scratch.with { scratch in
            let publisher = try scratch.publisher { $0.maximumWaiting = 3 }
            try await withRunning(publisher) {
                var long = scratch.message(1)
                long.properties.messageID = String(repeating: "x", count: 256)
                let results = await publisher.publish([scratch.message(1), long, scratch.message(2)])
                try results[0].get()
                #expect(throws: AMQPError.self) { try results[1].get() }
                try results[2].get()
                for result in await publisher.publish((1...4).map { scratch.message($0) }) {
                    let error = #expect(throws: AMQPError.self) { try result.get() }
                    #expect(error?.code == .overloaded)
                }
            }
            #expect(try await scratch.messageCount() == 2)
        }
    }

    @Test func `a publisher that is cancelled stops waiting`() async throws {
        try await Scratch.with { scratch in
            try await Proxy.with(target: TestBroker.configuration().port) { proxy in
                var connection = try TestBroker.configuration()
                connection.port = proxy.port
                let publisher = try scratch.publisher(connection)
                try await withRunning(publisher) {
                    try await publisher.publish(scratch.message(1))
                    proxy.fallSilent()
                    let waiting = Task { try await publisher.publish(scratch.message(2)) }
                    waiting.cancel()
                    let error = await #expect(throws: AMQPError.self) { try await waiting.value }
                    #expect(error?.code == .cancelled)
                    proxy.recover()
                }
            }
        }
    }

    @Test func `messages that wait for an absent broker fail in time`() async throws {
        try await Scratch.with { scratch in
            var connection = try TestBroker.configuration()
            connection.port = 1
            let publisher = try scratch.publisher(connection) { $0.timeout = .milliseconds(200) }
            try await withRunning(publisher) {
                let error = await #expect(throws: AMQPError.self) { try await publisher.publish(scratch.message(1)) }
                #expect(error?.code == .timedOut)
            }
            let error = await #expect(throws: AMQPError.self) { try await publisher.publish(scratch.message(2)) }
            #expect(error?.code == .shutDown)
        }
    }

    /// RabbitMQ 3.10 reports a stream without a leader as not found, yet confirms what is routed to it.
    @Test func `nothing is published before the required queues exist`() async throws {
        try await Scratch.with { scratch in
            let late = Topology.Queue(name: "\(scratch.name).late", arguments: ["x-queue-type": "stream"])
            let publisher = try scratch.publisher { $0.awaitedQueues = [late.name] }
            try await withRunning(publisher) {
                try await publisher.states.first {
                    if case .disconnected(let reason?) = $0 { reason.code == .notFound } else { false }
                }
                async let published: Void = publisher.publish(scratch.message(1))
                #expect(try await scratch.messageCount() == 0)
                let topology = Topology(exchanges: [], queues: [late], bindings: [])
                try await topology.apply(to: TestBroker.configuration())
                try await published
                try await topology.delete(from: TestBroker.configuration())
            }
            #expect(try await scratch.messageCount() == 1)
        }
    }
}
