import Confinement
package import Logging
import Synchronization
import Telemetry

/// HTTP/1.1 over libcurl: one thread of its own in `curl_multi_poll`, thousands of requests in flight, connections kept between them.
///
/// What it promises beside ``HTTPTransport``: only hosts that its ``HostPolicy`` allows are spoken to; TLS 1.2 or newer, the peer verified;
/// no host that was not listed is reached at a private address; no redirect is followed; no proxy is used that was not configured; header
/// values are overwritten in memory after use.
///
/// It runs from its initializer until ``shutdown()``, or until it is let go of. As a `Service`, ``run()`` ends at the graceful shutdown,
/// and what is still in flight then is given up: list it before the services that send, so that it ends after them.
package final class CurlTransport: HTTPTransport {
    package struct Configuration: Sendable {
        /// Which hosts may be spoken to.
        package var hosts: HostPolicy
        /// Certificates to trust, in PEM form, instead of the system's.
        package var certificateAuthorityFile: String?
        /// `nil` for none, whatever the environment says. With one, all requests go through it, and it decides where names lead.
        package var proxy: Proxy?
        /// What names lead to instead of what the resolver says, each as `host:port:address,address`. For tests.
        package var addresses: [String] = []
        /// How long name resolution, connection and TLS handshake may take together, within ``HTTPRequest/timeout``.
        package var connectTimeout: Duration = .seconds(10)
        /// How long not a byte may move, within ``HTTPRequest/timeout``. Whole seconds.
        package var stallTimeout: Duration = .seconds(30)
        /// How long a connection may have been idle to be used again. Whole seconds. Well below what servers allow (Apache 5 s by default,
        /// nginx 75 s, IIS 120 s): a write on a connection that the server closes at that moment is a write whose outcome is unknown.
        package var maximumIdleTime: Duration = .seconds(4)
        /// How many exchanges may be in flight at once. Each needs a file descriptor.
        package var maximumInFlight = 4096
        /// How many of them at one `host:port`, so that one that hangs cannot take every slot.
        package var maximumInFlightPerEndpoint = 2048

        package init(hosts: HostPolicy = HostPolicy()) {
            self.hosts = hosts
        }
    }

    private let hosts: HostPolicy
    private let mailbox: Mailbox
    private let thread: ConfinedThread
    /// What ended the thread, if it was not asked to end.
    private let failure: Failure

    /// - Throws: ``HTTPError`` if libcurl lacks what is needed, or the configuration is none; `ConfinementError` without a thread.
    package init(configuration: Configuration, logger: Logger) throws {
        try CurlLibrary.load()
        let multi = try MultiHandle(connectionLimit: configuration.maximumInFlight)
        // What libcurl makes of the configuration is to be known now, not at the first request.
        _ = try Transfer(configuration)
        let mailbox = Mailbox(
            limit: configuration.maximumInFlight,
            endpointLimit: configuration.maximumInFlightPerEndpoint,
            wake: multi.wake
        )
        let failure = Failure()
        hosts = configuration.hosts
        self.mailbox = mailbox
        self.failure = failure
        thread = try ConfinedThread.start(name: "http") {
            do throws(HTTPError) {
                try TransferLoop(mailbox: mailbox, multi: multi, configuration: configuration).run()
            } catch {
                logger.critical("The HTTP thread has failed", metadata: .keys([.error: "\(error)"]))
                failure.set(error)
            }
        }
    }

    deinit { mailbox.requestClose() }

    package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let destination = try hosts.check(request.url)
        try request.check()
        let exchange = Exchange(request, to: destination)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard exchange.wait(with: continuation) else { return }
                if !mailbox.submit(exchange) { exchange.finish(.failure(.cancelledUnsent)) }
            }
        } onCancel: {
            if exchange.cancel() { mailbox.abandon(exchange) }
        }
        return HTTPResponse(try outcome.get())
    }

    /// Gives up what is in flight (``HTTPError/Code/cancelled``), and returns once the thread has ended. Later requests are refused alike.
    package func shutdown() async {
        requestShutdown()
        await thread.waitUntilFinished()
    }

    func requestShutdown() {
        mailbox.requestClose()
    }

    /// Returns once the thread has ended, for whatever reason.
    ///
    /// - Throws: what libcurl failed with, if that is the reason.
    func waitUntilEnded() async throws(HTTPError) {
        await thread.waitUntilFinished()
        if let error = failure.error { throw error }
    }
}

/// What the thread left behind.
private final class Failure: Sendable {
    private let stored = Mutex<HTTPError?>(nil)

    var error: HTTPError? { stored.withLock(\.self) }

    func set(_ error: HTTPError) {
        stored.withLock { $0 = error }
    }
}
