import CRabbitMQ
import TLS

extension AMQPError {
    /// The error for a status of librabbitmq on an open connection.
    init(status: Int32) {
        let text = String(cString: amqp_error_string2(status))
        self.init(.connectionLost, "The connection to RabbitMQ ended: \(text).")
    }

    /// The error for a status of librabbitmq while it connects.
    init(connectStatus status: Int32, configuration: AMQPConfiguration) {
        let text = String(cString: amqp_error_string2(status))
        switch status {
        case AMQP_STATUS_SSL_ERROR.rawValue, AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue,
            AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue, AMQP_STATUS_SSL_CONNECTION_FAILED.rawValue:
            self.init(
                .tlsFailed,
                "TLS with \(configuration.host):\(configuration.port) failed: \(PeerVerification.lastReason ?? text). "
                    + "The broker has to speak TLS 1.2 or newer at this port."
            )
        default:
            self.init(
                .cannotConnect,
                "RabbitMQ cannot be reached at \(configuration.host):\(configuration.port): \(text)."
            )
        }
    }

    /// The error for a problem with the broker's certificate.
    init(_ problem: CertificateProblem, configuration: AMQPConfiguration) {
        let peer = "\(configuration.host):\(configuration.port)"
        self.init(.tlsFailed, problem.explanation(of: peer, authorities: "AMQP_CA_FILE"))
    }

    /// The error in an answer to a synchronous method; `nil` if it succeeded.
    init?(reply: amqp_rpc_reply_t) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return nil
        case AMQP_RESPONSE_LIBRARY_EXCEPTION where reply.library_error == AMQP_STATUS_TIMEOUT.rawValue:
            self.init(.timedOut, "RabbitMQ did not answer in time.")
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: self.init(status: reply.library_error)
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            switch reply.reply.id {
            case AMQP_CHANNEL_CLOSE_METHOD:
                self.init(reply.reply.decoded.load(as: amqp_channel_close_t.self))
            case AMQP_CONNECTION_CLOSE_METHOD:
                self.init(reply.reply.decoded.load(as: amqp_connection_close_t.self))
            default: self.init(.unexpected, "RabbitMQ answered with an unknown exception.")
            }
        default: self.init(.connectionLost, "RabbitMQ closed the connection without a reason.")
        }
    }

    /// The reason why the broker closed a channel.
    init(_ close: amqp_channel_close_t) {
        let code: Code =
            switch close.reply_code {
            case 403: .notPermitted
            case 404: .notFound
            case 406: .preconditionFailed
            default: .channelClosed
            }
        self.init(code, close.reply_text.string, replyCode: Int(close.reply_code))
    }

    /// The reason why the broker closed the connection. 403 means user or password, 530 the virtual host.
    init(_ close: amqp_connection_close_t) {
        let code: Code = close.reply_code == 403 || close.reply_code == 530 ? .accessRefused : .connectionLost
        self.init(code, close.reply_text.string, replyCode: Int(close.reply_code))
    }
}
