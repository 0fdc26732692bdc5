import Testing

@testable import HTTP

@Suite("The race of completion and cancellation")
struct ExchangeTests {
    private let answer = ReceivedAnswer(status: 200, head: [], body: [], elapsed: .zero)

    /// Runs the events of an exchange, with or without a waiting caller, and returns that caller's result.
    private func outcome(
        before: (Exchange) -> Void = { _ in },
        while events: (Exchange) -> Void
    ) async throws -> Exchange.Outcome {
        let destination = try HostPolicy().check("https://webservices.autotask.net/")
        let exchange = Exchange(HTTPRequest(method: .get, url: destination.url), to: destination)
        before(exchange)
        return await withCheckedContinuation { continuation in
            if exchange.wait(with: continuation) { events(exchange) }
        }
    }

    @Test("an answer reaches the caller")
    func completion() async throws {
        let outcome = try await outcome { exchange in
            #expect(exchange.begin())
            exchange.finish(.success(answer))
        }
        #expect(try outcome.get().status == 200)
    }

    @Test("a cancellation before the exchange is handed in ends it there")
    func cancelledBefore() async throws {
        let outcome = try await outcome(before: { #expect(!$0.cancel()) }, while: { _ in Issue.record("handed in") })
        #expect(outcome.isCancelledUnsent)
    }

    @Test("a cancellation while it waits ends it there; the loop then leaves it alone")
    func cancelledWhileWaiting() async throws {
        let outcome = try await outcome { exchange in
            #expect(!exchange.cancel())
            #expect(!exchange.begin())
            exchange.finish(.success(answer))
        }
        #expect(outcome.isCancelledUnsent)
    }

    @Test("a cancellation in flight asks for the transfer to be given up")
    func cancelledInFlight() async throws {
        let outcome = try await outcome { exchange in
            #expect(exchange.begin())
            #expect(exchange.cancel())
            exchange.finish(.failure(HTTPError(.cancelled, "", mayHaveBeenSent: true)))
        }
        #expect(throws: HTTPError.self) { try outcome.get() }
        #expect(!outcome.isCancelledUnsent)
    }

    @Test("an answer that comes before the cancellation is seen reaches the caller")
    func completedFirst() async throws {
        let outcome = try await outcome { exchange in
            #expect(exchange.begin())
            #expect(exchange.cancel())
            exchange.finish(.success(answer))
            exchange.finish(.failure(HTTPError(.cancelled, "", mayHaveBeenSent: true)))
            #expect(!exchange.cancel())
        }
        #expect(try outcome.get().status == 200)
    }
}

extension Exchange.Outcome {
    fileprivate var isCancelledUnsent: Bool {
        if case .failure(let error) = self { error.code == .cancelled && !error.mayHaveBeenSent } else { false }
    }
}
