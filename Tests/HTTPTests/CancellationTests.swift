import HTTP
import ServiceLifecycleTestKit
import Testing

@Suite("Cancellation", .timeLimit(.minutes(1)))
struct CancellationTests {
    @Test("before the request is handed in: it is not sent")
    func cancelledBefore() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            let error = await Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await transport.failure(of: server.post())
            }.value
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveBeenSent == false)
            #expect(server.requests.isEmpty)
        }
    }

    @Test("in flight: the connection is closed, and the request may have been seen")
    func cancelledInFlight() async throws {
        let hasArrived = Latch()
        let hasEnded = Latch()
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            hasArrived.arrive()
            connection.waitForEnd()
            hasEnded.arrive()
        } test: { server, transport in
            let task = Task { await transport.failure(of: server.post()) }
            await hasArrived.wait()
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveBeenSent == true)
            await hasEnded.wait()
        }
    }

    @Test("while the request waits for a slot: it is not sent, and the next one is")
    func cancelledWhileWaiting() async throws {
        let hasArrived = Latch()
        let mayAnswer = Latch()
        try await withServer { connection in
            while connection.readRequest() != nil {
                hasArrived.arrive()
                mayAnswer.block()
                connection.answer()
            }
        } configure: {
            $0.maximumInFlight = 1
        } test: { server, transport in
            let first = Task { await transport.outcome(of: server.get("/first")) }
            await hasArrived.wait()
            let second = Task { await transport.failure(of: server.get("/second")) }
            second.cancel()
            let error = await second.value
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveBeenSent == false)
            let third = Task { await transport.outcome(of: server.get("/third")) }
            mayAnswer.arrive()
            let answered = [try await first.value.get().status, try await third.value.get().status]
            #expect(answered == [200, 200])
            #expect(server.requests.map(\.requestLine) == ["GET /first HTTP/1.1", "GET /third HTTP/1.1"])
        }
    }

    @Test("leaves no outcome lost or doubled in thousands of races")
    func races() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } configure: {
            $0.maximumInFlight = 20
        } test: { server, transport in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<2000 {
                    group.addTask {
                        let task = Task { await transport.outcome(of: server.get()) }
                        for _ in 0..<(number % 7) { await Task.yield() }
                        task.cancel()
                        switch await task.value {
                        case .success(let response): #expect(response.status == 200)
                        case .failure(let error): #expect(error.code == .cancelled)
                        }
                    }
                }
            }
            // No slot was lost.
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<40 { group.addTask { (try? await transport.send(server.get()).status) == 200 } }
                for await isAnswered in group { #expect(isAnswered) }
            }
        }
    }

    @Test("does not count the time that a request waits for a slot")
    func waitingIsFree() async throws {
        let hasArrived = Latch()
        let mayAnswer = Latch()
        try await withServer { connection in
            while connection.readRequest() != nil {
                hasArrived.arrive()
                mayAnswer.block()
                connection.answer()
            }
        } configure: {
            $0.maximumInFlightPerEndpoint = 1
        } test: { server, transport in
            let first = Task { await transport.outcome(of: server.get("/first")) }
            await hasArrived.wait()
            let second = Task { await transport.outcome(of: server.get("/second", timeout: .milliseconds(300))) }
            // Another hanging server serves as the clock: it outlasts the second request's limit.
            try await withServer { connection in
                connection.waitForEnd()
            } test: { clock, transport in
                #expect(await transport.failure(of: clock.get(timeout: .milliseconds(500)))?.code == .timedOut)
            }
            mayAnswer.arrive()
            let answered = [try await first.value.get().status, try await second.value.get().status]
            #expect(answered == [200, 200])
        }
    }

    @Test("at the shutdown: requests in flight, waiting or later end as cancelled")
    func shutdown() async throws {
        let hasArrived = Latch()
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            hasArrived.arrive()
            connection.waitForEnd()
        } configure: {
            $0.maximumInFlight = 1
        } test: { server, transport in
            let inFlight = Task { await transport.failure(of: server.get()) }
            await hasArrived.wait()
            let waiting = Task { await transport.failure(of: server.get()) }
            await transport.shutdown()
            let later = await transport.failure(of: server.get())
            #expect(await inFlight.value?.code == .cancelled)
            #expect(await inFlight.value?.mayHaveBeenSent == true)
            for error in [await waiting.value, later] {
                #expect(error?.code == .cancelled)
                #expect(error?.mayHaveBeenSent == false)
            }
            #expect(server.requests.count == 1)
        }
    }

    @Test("at the graceful shutdown of the service")
    func gracefulShutdown() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            try await testGracefulShutdown { trigger in
                let service = Task { try await transport.run() }
                let response = try await transport.send(server.get())
                #expect(response.status == 200)
                trigger.triggerGracefulShutdown()
                try await service.value
            }
            #expect(await transport.failure(of: server.get())?.code == .cancelled)
        }
    }

    @Test("is not sent when it is withdrawn at the last moment")
    func withdrawn() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            let error = await transport.failure(of: server.post(mayStillBeSent: { false }))
            #expect(error?.code == .withdrawn && error?.mayHaveBeenSent == false)
            let answer = try await transport.send(server.post("second", mayStillBeSent: { true }))
            #expect(answer.status == 200)
            #expect(server.requests.map(\.body) == [Array("second".utf8)])
        }
    }
}
