import CCurl
import Glibc
import TLS

/// One request on an easy handle: its options, the data that its callbacks collect, and its outcome.
///
/// It is confined to the loop's thread. A transfer is reused for later requests. Constant options are set once, and all others for every
/// request, so that no data of one tenant's request remains in the next one.
///
/// **Nothing is sent twice.** If a kept connection ends before the first byte of an answer, libcurl sends the request again, even a POST
/// (`Curl_retry_request`). The server may have acted on it already. It calls `CURLOPT_PREREQFUNCTION` each time before it sends, when the
/// connection is open. The first call marks the request as possibly received; a second one is refused unless the request is repeatable.
/// libcurl 7.88 does not notice that a server has closed a TLS connection, so refusing alone would lose valid POSTs. Therefore only
/// recently used connections are used again (``CurlTransport/Configuration/maximumIdleTime``).
///
/// **A read is repeated once, on a new connection.** After a gateway's restart all kept connections are dead, and libcurl would try one after
/// the other. It gives up at the sixth dead connection in the life of a handle, not of a request (mended in 8.17): see ``isSpent``.
final class Transfer {
    /// The maximum size of header lines in bytes, including interim answers and trailers, which libcurl does not limit.
    private static let headLimit = 256 << 10

    private let easy: EasyHandle
    private var headers: HeaderList?
    private(set) var exchange: Exchange?
    private var head: [UInt8] = []
    /// The number of received bytes of header lines, kept or not.
    private var headerBytes = 0
    /// Whether the empty line that ends the header lines was received.
    private var isHeadComplete = false
    private var body: [UInt8] = []
    /// How often the request was handed to a connection.
    private var sendings = 0
    /// Whether libcurl may have counted a repetition. It never forgets one while the handle lives, so the handle takes no other request.
    private(set) var isSpent = false
    private var isTooLarge = false
    private var isWithdrawn = false
    /// The last address of the host that was refused.
    private var refusedAddress: NetworkAddress?
    private let isProxied: Bool
    private var addresses: HeaderList?

    init(_ configuration: CurlTransport.Configuration) throws(HTTPError) {
        easy = try EasyHandle()
        isProxied = configuration.proxy != nil
        // Not retained: this object owns the handle that holds the pointer.
        let context = Unmanaged.passUnretained(self).toOpaque()
        try easy.setCallbacks(
            context: context,
            header: onHeader,
            body: onBody,
            beforeRequest: onBeforeRequest,
            openSocket: onOpenSocket,
            beforeHandshake: onBeforeHandshake
        )
        try configure(configuration)
    }

    /// The transfer of a callback's context.
    static func from(_ context: EasyHandle.Context) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }

    private func configure(_ configuration: CurlTransport.Configuration) throws(HTTPError) {
        try easy.set(CURLOPT_NOSIGNAL, 1)
        // Otherwise, removing a transfer during name resolution would wait for the resolver and block all other transfers.
        try easy.set(CURLOPT_QUICK_EXIT, 1)
        try easy.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        // A redirect would forward the secrets in the headers.
        try easy.set(CURLOPT_FOLLOWLOCATION, 0)
        try easy.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        try easy.set(CURLOPT_ACCEPT_ENCODING, "gzip")
        try easy.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        try easy.set(CURLOPT_SSL_VERIFYPEER, 1)
        try easy.set(CURLOPT_SSL_VERIFYHOST, 2)
        if let file = configuration.certificateAuthorityFile ?? CurlLibrary.authorityFile {
            try easy.set(CURLOPT_CAINFO, file)
            // The system's directory would also be trusted. With a directory, libcurl 7.88 also reads all authorities for each connection,
            // about 20 ms on this thread; it caches those of a file.
            try easy.set(CURLOPT_CAPATH, nil as String?)
        }
        // The empty strings disable proxies from the environment.
        try easy.set(CURLOPT_PROXY, configuration.proxy?.url ?? "")
        try easy.set(CURLOPT_NOPROXY, "")
        if let proxy = configuration.proxy {
            try easy.set(CURLOPT_PROXYPORT, proxy.port)
            // The proxy sees the target of a connection, but no header and no answer, even for plain HTTP.
            try easy.set(CURLOPT_HTTPPROXYTUNNEL, 1)
            try easy.set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
            try easy.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        }
        if !configuration.addresses.isEmpty {
            let addresses = try HeaderList(lines: configuration.addresses)
            try easy.set(CURLOPT_RESOLVE, addresses)
            self.addresses = consume addresses
        }
        try easy.set(CURLOPT_CONNECTTIMEOUT_MS, configuration.connectTimeout.milliseconds)
        try easy.set(CURLOPT_LOW_SPEED_LIMIT, 1)
        try easy.set(CURLOPT_LOW_SPEED_TIME, max(1, configuration.stallTimeout.milliseconds / 1000))
        try easy.set(CURLOPT_MAXAGE_CONN, max(1, configuration.maximumIdleTime.milliseconds / 1000))
    }

    /// Starts an exchange.
    func begin(_ exchange: Exchange, in multi: MultiHandle) throws(HTTPError) {
        let request = exchange.request
        self.exchange = exchange
        sendings = 0
        isTooLarge = false
        isWithdrawn = false
        isHeadComplete = false
        headerBytes = 0
        refusedAddress = nil
        try easy.set(CURLOPT_URL, exchange.destination.url)
        try easy.set(CURLOPT_PROTOCOLS_STR, exchange.destination.isPlain ? "http" : "https")
        switch request.method {
        case .get:
            try easy.set(CURLOPT_HTTPGET, 1)
            try easy.set(CURLOPT_CUSTOMREQUEST, nil as String?)
        case .post, .patch:
            try easy.set(CURLOPT_POST, 1)
            try easy.copyBody(request.body)
            try easy.set(CURLOPT_CUSTOMREQUEST, request.method == .post ? nil : request.method.rawValue)
        }
        let headers = try HeaderList(request.headers)
        try easy.set(CURLOPT_HTTPHEADER, headers)
        self.headers = consume headers
        // An answer whose announced size is too large is not read.
        try easy.set(CURLOPT_MAXFILESIZE, max(1, request.maximumResponseBytes))
        try easy.set(CURLOPT_TIMEOUT_MS, max(1, request.timeout.milliseconds))
        try easy.set(CURLOPT_FRESH_CONNECT, 0)
        try multi.add(easy)
    }

    /// Releases the exchange and all its data; the transfer is then ready for the next one.
    ///
    /// - Parameter result: libcurl's result of the transfer; `nil` if it is abandoned.
    /// - Returns: the exchange and its outcome.
    func end(_ result: CURLcode?, in multi: MultiHandle) -> EndedExchange? {
        guard let exchange else { return nil }
        let outcome = outcome(result, of: exchange)
        if result != CURLE_OK { isSpent = true }
        multi.remove(easy)
        wipe()
        return EndedExchange(exchange: exchange, outcome: outcome)
    }

    private func outcome(_ result: CURLcode?, of exchange: Exchange) -> Exchange.Outcome {
        let wasHandedOver = sendings > 0
        let elapsed = easy.getTime(CURLINFO_TOTAL_TIME_T)
        let status = easy.get(CURLINFO_RESPONSE_CODE)
        return switch result {
        // libcurl accepts an answer that ends within its header lines, or after an interim answer.
        case CURLE_OK where status < 200 || !isHeadComplete:
            .failure(HTTPError(.connectionLost, "The connection ended before the answer was complete", mayHaveBeenSent: wasHandedOver))
        case CURLE_OK:
            .success(ReceivedAnswer(status: status, head: head, body: body, elapsed: elapsed))
        case nil:
            .failure(HTTPError(.cancelled, "The request was cancelled", mayHaveBeenSent: wasHandedOver))
        case _ where isWithdrawn:
            .failure(HTTPError(.withdrawn, "The request was withdrawn before it was sent", mayHaveBeenSent: wasHandedOver))
        case _ where isTooLarge:
            .failure(HTTPError(.responseTooLarge, "The answer is larger than allowed", mayHaveBeenSent: wasHandedOver))
        case CURLE_COULDNT_CONNECT where refusedAddress != nil:
            .failure(.notPublic(exchange.destination.host))
        case let code?:
            .failure(
                HTTPError(
                    code,
                    detail: detail(of: code, at: exchange.destination),
                    hasTimeLeft: elapsed < exchange.request.timeout,
                    wasHandedOver: wasHandedOver
                )
            )
        }
    }

    /// A more useful text than libcurl's for some failures.
    private func detail(of code: CURLcode, at destination: HostPolicy.Destination) -> String {
        let text = easy.errorText
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION:
            let problem = CertificateProblem(easy.get(CURLINFO_SSL_VERIFYRESULT))
            return problem?.explanation(of: destination.endpoint, authorities: "AUTOTASK_CA_FILE") ?? text
        case CURLE_SSL_CONNECT_ERROR:
            return "\(text). The server has to speak TLS 1.2 or newer"
        case CURLE_RECV_ERROR where isProxied && sendings == 0:
            return "The proxy does not open a tunnel: \(text)"
        default:
            return text
        }
    }

    private func wipe() {
        exchange = nil
        head = []
        body = []
        // The pointer is cleared before its target is released.
        easy.clearList(CURLOPT_HTTPHEADER)
        headers = nil
    }

    // MARK: What libcurl's callbacks lead to

    /// - Returns: whether libcurl may continue.
    fileprivate func receiveHeader(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        headerBytes += line.count
        isTooLarge = headerBytes > Transfer.headLimit
        guard !isTooLarge else { return false }
        if line.starts(with: "HTTP/".utf8) {
            // The previous lines were an interim answer.
            head.removeAll(keepingCapacity: true)
            head.reserveCapacity(512)
            isHeadComplete = false
        }
        // More header lines may follow a chunked body. They are ignored.
        guard !isHeadComplete else { return true }
        isHeadComplete = line.elementsEqual("\r\n".utf8) || line.elementsEqual("\n".utf8)
        head.append(contentsOf: line)
        return true
    }

    /// - Returns: whether libcurl may continue.
    fileprivate func receiveBody(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        isTooLarge = body.count + bytes.count > exchange?.request.maximumResponseBytes ?? 0
        if !isTooLarge { body.append(contentsOf: bytes) }
        return !isTooLarge
    }

    /// - Returns: whether the request may go to this address. With a proxy, the operator is responsible for all addresses.
    fileprivate func mayConnect(to address: NetworkAddress) -> Bool {
        if isProxied || exchange?.destination.isListed == true || address.isPublic { return true }
        refusedAddress = address
        return false
    }

    /// - Returns: whether the handshake may begin.
    fileprivate func willShakeHands(_ context: UnsafeMutableRawPointer) -> Bool {
        guard let exchange else { return false }
        return PeerVerification.require(exchange.destination.host, on: context)
    }

    /// - Returns: whether the request may be sent.
    fileprivate func willSend() -> Bool {
        let isRepeatable = exchange?.request.isRepeatable == true
        if sendings > 0 {
            isSpent = true
            guard isRepeatable else { return false }
        }
        isWithdrawn = exchange?.request.mayStillBeSent?() == false
        guard !isWithdrawn else { return false }
        // Applies from the next connection on, which is needed only if this one ends without an answer.
        if isRepeatable { try? easy.set(CURLOPT_FRESH_CONNECT, 1) }
        sendings += 1
        return true
    }
}

/// An exchange that has ended, and its outcome.
struct EndedExchange {
    let exchange: Exchange
    let outcome: Exchange.Outcome
}

// libcurl's callbacks. `context` is the transfer, which lives as long as its handle can call. A result below the offered size makes libcurl
// end the transfer.

private func onHeader(bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?) -> Int {
    receive(bytes, size * count, context) { $0.receiveHeader($1) }
}

private func onBody(bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?) -> Int {
    receive(bytes, size * count, context) { $0.receiveBody($1) }
}

private func receive(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?,
    _ body: (Transfer, UnsafeBufferPointer<UInt8>) -> Bool
) -> Int {
    guard let bytes, let context else { return 0 }
    let mayGoOn = bytes.withMemoryRebound(to: UInt8.self, capacity: count) {
        body(Transfer.from(context), UnsafeBufferPointer(start: $0, count: count))
    }
    return mayGoOn ? count : 0
}

private func onBeforeRequest(
    context: UnsafeMutableRawPointer?,
    remoteAddress: UnsafeMutablePointer<CChar>?,
    localAddress: UnsafeMutablePointer<CChar>?,
    remotePort: Int32,
    localPort: Int32
) -> Int32 {
    guard let context, Transfer.from(context).willSend() else { return CURL_PREREQFUNC_ABORT }
    return CURL_PREREQFUNC_OK
}

private func onOpenSocket(
    context: UnsafeMutableRawPointer?,
    purpose: curlsocktype,
    address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let context, let address, let target = NetworkAddress(address), Transfer.from(context).mayConnect(to: target) else {
        return CURL_SOCKET_BAD
    }
    return socket(address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
}

private func onBeforeHandshake(
    easy: UnsafeMutableRawPointer?,
    tlsContext: UnsafeMutableRawPointer?,
    context: UnsafeMutableRawPointer?
) -> CURLcode {
    guard let context, let tlsContext, Transfer.from(context).willShakeHands(tlsContext) else { return CURLE_SSL_CONNECT_ERROR }
    return CURLE_OK
}

extension Duration {
    /// The duration in milliseconds, rounded up: for libcurl, 0 means no limit.
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
