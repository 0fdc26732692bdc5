import CRabbitMQ
import Glibc
import TLS

/// One open connection that uses librabbitmq.
///
/// librabbitmq is not thread-safe, and its calls block. So an instance is created, used and destroyed on one of `Confinement`'s threads.
/// Its memory never leaves this folder: results are copied.
///
/// A write blocks as long as the peer reads nothing, and ignores timeouts (0.11 waits without limit). So a long-lived connection has a
/// ``SocketWatch`` over its socket. `Confinement`'s threads block SIGPIPE.
final class BrokerConnection {
    let handle: amqp_connection_state_t
    /// The socket's descriptor, for `poll` and the watchdog.
    let socket: Int32
    let pool = BytePool()

    private let maximumBodyBytes: Int
    /// By channel number: the message whose frames are arriving.
    private var contents: [IncomingContent?] = []
    private var isOpen = true

    private init(handle: amqp_connection_state_t, maximumBodyBytes: Int) {
        self.handle = handle
        self.maximumBodyBytes = maximumBodyBytes
        socket = amqp_get_sockfd(handle)
    }

    deinit { amqp_destroy_connection(handle) }

    /// Connects and logs in. It blocks until that has succeeded, failed, or timed out.
    ///
    /// - Parameter maximumBodyBytes: the maximum size of a delivery's body; a larger one is reported by size and SHA-256.
    static func open(_ configuration: AMQPConfiguration, maximumBodyBytes: Int = .max) throws(AMQPError) -> BrokerConnection {
        guard let handle = amqp_new_connection() else { throw AMQPError(.unexpected, "Out of memory for a connection.") }
        do {
            try connect(handle, configuration)
        } catch {
            amqp_destroy_connection(handle)
            throw error
        }
        let connection = BrokerConnection(handle: handle, maximumBodyBytes: maximumBodyBytes)
        try connection.logIn(configuration)
        return connection
    }

    private static func connect(_ handle: amqp_connection_state_t, _ configuration: AMQPConfiguration) throws(AMQPError) {
        let socket = configuration.usesTLS ? amqp_ssl_socket_new(handle) : amqp_tcp_socket_new(handle)
        guard let socket else { throw AMQPError(.unexpected, "Out of memory for a socket.") }
        var replyTimeout = timeval(configuration.replyTimeout)
        amqp_set_handshake_timeout(handle, &replyTimeout)
        amqp_set_rpc_timeout(handle, &replyTimeout)
        func open() -> Int32 {
            var connectTimeout = timeval(configuration.connectTimeout)
            return amqp_socket_open_noblock(socket, configuration.host, Int32(configuration.port), &connectTimeout)
        }
        if configuration.usesTLS {
            let context = try verifyPeer(socket, configuration)
            let (status, problem) = PeerVerification.watch(context, open)
            guard status == AMQP_STATUS_OK.rawValue else {
                throw problem.map { AMQPError($0, configuration: configuration) }
                    ?? AMQPError(connectStatus: status, configuration: configuration)
            }
        } else {
            let status = open()
            guard status == AMQP_STATUS_OK.rawValue else { throw AMQPError(connectStatus: status, configuration: configuration) }
        }
        CRabbitMQ_set_user_timeout(amqp_get_sockfd(handle), UInt32(configuration.heartbeat * 2000))
    }

    /// Requires TLS 1.2, which librabbitmq 0.11 does not, and checks the host with OpenSSL. librabbitmq's own check accepts a subject as
    /// the host name and does not support addresses.
    ///
    /// - Returns: the `SSL_CTX *` of the connection.
    private static func verifyPeer(
        _ socket: OpaquePointer,
        _ configuration: AMQPConfiguration
    ) throws(AMQPError) -> UnsafeMutableRawPointer {
        amqp_ssl_socket_set_verify_peer(socket, 1)
        amqp_ssl_socket_set_verify_hostname(socket, 0)
        amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
        guard let context = amqp_ssl_socket_get_context(socket),
            PeerVerification.require(configuration.certifiedName ?? configuration.host, on: context)
        else { throw AMQPError(.invalidConfiguration, "\(configuration.host) is not a host that a certificate can name.") }
        let file = configuration.certificateAuthorityFile ?? "/etc/ssl/certs/ca-certificates.crt"
        guard amqp_ssl_socket_set_cacert(socket, file) == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(.invalidConfiguration, "The file of certificate authorities cannot be read: \(file).")
        }
        return context
    }

    private func logIn(_ configuration: AMQPConfiguration) throws(AMQPError) {
        defer { pool.recycle() }
        var properties = pool.table([
            "product": "autotask-worker",
            "connection_name": .string(configuration.connectionName),
            // Without these two, the broker blocks a publisher or ends a consumer without notice.
            "capabilities": .table(["connection.blocked": true, "consumer_cancel_notify": true]),
        ])
        let reply = CRabbitMQ_login(
            handle,
            configuration.virtualHost,
            0,
            131_072,
            Int32(configuration.heartbeat),
            &properties,
            configuration.userName,
            configuration.password.value
        )
        guard let error = AMQPError(reply: reply) else { return }
        isOpen = false
        guard error.code != .connectionLost else {
            throw AMQPError(.cannotConnect, "\(configuration.host):\(configuration.port) does not speak AMQP: \(error.message)")
        }
        throw error
    }

    /// Closes the connection properly if the broker still answers. It blocks for at most the reply timeout.
    func close() {
        guard isOpen else { return }
        isOpen = false
        amqp_connection_close(handle, AMQP_REPLY_SUCCESS)
    }

    // MARK: Receiving

    /// The next message or method from the broker; `nil` if nothing has arrived. It never waits.
    ///
    /// It sends and checks heartbeats: call it at least every quarter of the heartbeat.
    func receive() throws(AMQPError) -> Inbound? {
        var frame = amqp_frame_t()
        var now = timeval()
        while true {
            let status = amqp_simple_wait_frame_noblock(handle, &frame, &now)
            if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
            guard status == AMQP_STATUS_OK.rawValue else {
                isOpen = false
                throw AMQPError(status: status)
            }
            if let inbound = try inbound(frame) { return inbound }
        }
    }

    /// Lets librabbitmq reuse the memory of received frames. Call it once a turn; otherwise memory grows without end.
    func releaseBuffers() { amqp_maybe_release_buffers(handle) }

    private func inbound(_ frame: amqp_frame_t) throws(AMQPError) -> Inbound? {
        let channel = frame.channel
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD:
            return try method(frame.payload.method, channel)
        case AMQP_FRAME_HEADER:
            let header = frame.payload.properties
            guard header.class_id == AMQP_BASIC_CLASS else { return nil }
            return advance(channel) {
                $0.header(
                    size: header.body_size,
                    properties: header.decoded.load(as: amqp_basic_properties_t.self),
                    limit: maximumBodyBytes,
                    channel: channel
                )
            }
        case AMQP_FRAME_BODY:
            let fragment = frame.payload.body_fragment
            let inbound = advance(channel) { $0.fragment(fragment.buffer, channel: channel) }
            // Otherwise librabbitmq would also keep a large body until the turn is over.
            if fragment.len > 32_768 { amqp_maybe_release_buffers_on_channel(handle, channel) }
            return inbound
        default:
            return nil
        }
    }

    private func advance(_ channel: UInt16, _ step: (inout IncomingContent) -> Inbound?) -> Inbound? {
        let index = Int(channel)
        // Frames of a channel that was closed meanwhile are ignored.
        guard index < contents.count, contents[index] != nil else { return nil }
        let inbound = step(&contents[index]!)
        if inbound != nil { contents[index] = nil }
        return inbound
    }

    private func begin(_ content: IncomingContent?, _ channel: UInt16) {
        while contents.count <= Int(channel) { contents.append(nil) }
        contents[Int(channel)] = content
    }

    private func method(_ method: amqp_method_t, _ channel: UInt16) throws(AMQPError) -> Inbound? {
        switch method.id {
        case AMQP_BASIC_DELIVER_METHOD:
            begin(IncomingContent(method.decoded.load(as: amqp_basic_deliver_t.self)), channel)
        case AMQP_BASIC_RETURN_METHOD:
            begin(IncomingContent(method.decoded.load(as: amqp_basic_return_t.self)), channel)
        case AMQP_BASIC_ACK_METHOD:
            let ack = method.decoded.load(as: amqp_basic_ack_t.self)
            return .answered(channel: channel, number: ack.delivery_tag, isMultiple: ack.multiple != 0, isAck: true)
        case AMQP_BASIC_NACK_METHOD:
            let nack = method.decoded.load(as: amqp_basic_nack_t.self)
            return .answered(channel: channel, number: nack.delivery_tag, isMultiple: nack.multiple != 0, isAck: false)
        case AMQP_CHANNEL_OPEN_OK_METHOD: return .channelOpened(channel: channel)
        case AMQP_CONFIRM_SELECT_OK_METHOD: return .confirmsSelected(channel: channel)
        case AMQP_BASIC_CONSUME_OK_METHOD: return .consumerStarted(channel: channel)
        case AMQP_BASIC_CANCEL_METHOD: return .consumerCancelled(channel: channel)
        case AMQP_BASIC_CANCEL_OK_METHOD: return .consumerCancelConfirmed(channel: channel)
        case AMQP_CHANNEL_CLOSE_METHOD:
            let error = AMQPError(method.decoded.load(as: amqp_channel_close_t.self))
            begin(nil, channel)
            var ok = amqp_channel_close_ok_t()
            try send(AMQP_CHANNEL_CLOSE_OK_METHOD, &ok, channel)
            return .channelClosed(channel: channel, error)
        case AMQP_CHANNEL_CLOSE_OK_METHOD:
            begin(nil, channel)
            return .channelCloseConfirmed(channel: channel)
        case AMQP_CONNECTION_CLOSE_METHOD:
            let error = AMQPError(method.decoded.load(as: amqp_connection_close_t.self))
            var ok = amqp_connection_close_ok_t()
            try send(AMQP_CONNECTION_CLOSE_OK_METHOD, &ok, 0)
            isOpen = false
            throw error
        case AMQP_CONNECTION_BLOCKED_METHOD:
            return .blocked(reason: method.decoded.load(as: amqp_connection_blocked_t.self).reason.string)
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
        default: break
        }
        return nil
    }
}

extension timeval {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
