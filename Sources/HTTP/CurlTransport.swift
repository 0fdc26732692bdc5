import Confinement
package import Logging
import Synchronization
package import Telemetry

/// HTTP/1.1 with libcurl: one thread in `curl_multi_poll`, thousands of requests in flight, and connections that are kept between requests.
///
/// In addition to ``HTTPTransport``, it guarantees the following. It connects only to hosts that its ``HostPolicy`` allows, and to a
/// private address only for a listed host. It requires TLS 1.2 or newer, and verifies the peer. It follows no redirects, and uses only a
/// configured proxy. It overwrites header values in memory after use.
///
/// It runs from its initializer until ``shutdown()``, or until it is released. As a `Service`, ``run()`` ends at the graceful shutdown and
/// abandons exchanges in flight. List it before the services that send, so that it ends after them.
package final class CurlTransport: HTTPTransport {
    package struct Configuration: Sendable {
        /// The hosts that may be called.
        package var hosts: HostPolicy
        /// A PEM file of certificates to trust instead of the system's.
        package var certificateAuthorityFile: String?
        /// The proxy for all requests, which also resolves names. With `nil` there is none; the environment is ignored.
        package var proxy: Proxy?
        /// Addresses of names that replace the resolver's, each as `host:port:address,address`. For tests.
        package var addresses: [String] = []
        /// The time limit for name resolution, connection and TLS handshake together, within ``HTTPRequest/timeout``.
        package var connectTimeout: Duration = .seconds(10)
        /// The maximum time without any byte transferred, within ``HTTPRequest/timeout``. Whole seconds.
        package var stallTimeout: Duration = .seconds(30)
        /// The maximum idle time of a connection that is used again. Whole seconds. It is below what servers allow (Apache 5 s by default,
        /// nginx 75 s, IIS 120 s). If the server closes a connection during a write, the outcome of the write is unknown.
        package var maximumIdleTime: Duration = .seconds(4)
        /// The maximum number of exchanges in flight. Each needs a file descriptor.
        package var maximumInFlight = 4096
        /// The maximum number in flight at one `host:port`, so that one that hangs cannot take every slot.
        package var maximumInFlightPerEndpoint = 2048

        package init(hosts: HostPolicy = HostPolicy()) {
            self.hosts = hosts
        }
    }

    private let hosts: HostPolicy
    /// By URL. A worker calls few: those of each zone.
    private let destinations = RecentValues<String, HostPolicy.Destination>(limit: 1024)
    private let mailbox: Mailbox
    private let thread: ConfinedThread
    /// The error that ended the thread, if any.
    private let failure: Failure

    /// - Throws: ``HTTPError`` if libcurl lacks a required feature, or the configuration is invalid; `ConfinementError` if no thread
    ///   starts.
    package init(configuration: Configuration, logger: Logger, pulse: Pulse = Pulse()) throws {
        try CurlLibrary.load()
        let multi = try MultiHandle(connectionLimit: configuration.maximumInFlight)
        // An invalid configuration fails now and not at the first request.
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
                try TransferLoop(mailbox: mailbox, multi: multi, configuration: configuration, pulse: pulse).run()
            } catch {
                logger.critical("The HTTP thread has failed", metadata: .keys([.error: "\(error)"]))
                failure.set(error)
            }
        }
    }

    deinit { mailbox.requestClose() }

    package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let destination = try destinations.value(of: request.url) { () throws(HTTPError) in try hosts.check(request.url) }
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

    /// The exchanges in flight, and those that wait for a slot.
    package var load: (active: Int, waiting: Int) { mailbox.load }

    /// Abandons exchanges in flight (``HTTPError/Code/cancelled``), and returns when the thread has ended. Later requests get the same
    /// error.
    package func shutdown() async {
        requestShutdown()
        await thread.waitUntilFinished()
    }

    func requestShutdown() {
        mailbox.requestClose()
    }

    /// Returns when the thread has ended, for any reason.
    ///
    /// - Throws: libcurl's failure, if that is the reason.
    func waitUntilEnded() async throws(HTTPError) {
        await thread.waitUntilFinished()
        if let error = failure.error { throw error }
    }
}

/// The error with which the thread ended, if any.
private final class Failure: Sendable {
    private let stored = Mutex<HTTPError?>(nil)

    var error: HTTPError? { stored.withLock(\.self) }

    func set(_ error: HTTPError) {
        stored.withLock { $0 = error }
    }
}
