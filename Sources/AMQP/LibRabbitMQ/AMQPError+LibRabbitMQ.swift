import CRabbitMQ
import TLS

extension AMQPError {
    /// What a status of librabbitmq means while a connection is open.
    init(status: Int32, file: String = #fileID, line: Int = #line) {
        let text = String(cString: amqp_error_string2(status))
        self.init(.connectionLost, "The connection to RabbitMQ ended: \(text).", file: file, line: line)
    }

    /// What a status means while a connection is being made.
    init(connectStatus status: Int32, configuration: AMQPConfiguration, file: String = #fileID, line: Int = #line) {
        let text = String(cString: amqp_error_string2(status))
        switch status {
        case AMQP_STATUS_SSL_ERROR.rawValue, AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue,
            AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue, AMQP_STATUS_SSL_CONNECTION_FAILED.rawValue:
            self.init(
                .tlsFailed,
                "TLS with \(configuration.host):\(configuration.port) failed: \(PeerVerification.lastReason ?? text). "
                    + "The broker has to speak TLS 1.2 or newer at this port.",
                file: file,
                line: line
            )
        default:
            self.init(
                .cannotConnect,
                "RabbitMQ cannot be reached at \(configuration.host):\(configuration.port): \(text).",
                file: file,
                line: line
            )
        }
    }

    /// What is wrong with the broker's certificate.
    init(_ problem: CertificateProblem, configuration: AMQPConfiguration, file: String = #fileID, line: Int = #line) {
        let peer = "\(configuration.host):\(configuration.port)"
        self.init(.tlsFailed, problem.explanation(of: peer, authorities: "AMQP_CA_FILE"), file: file, line: line)
    }

    /// What an answer to a synchronous method means; `nil` if it is as wished.
    init?(reply: amqp_rpc_reply_t, file: String = #fileID, line: Int = #line) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return nil
        case AMQP_RESPONSE_LIBRARY_EXCEPTION where reply.library_error == AMQP_STATUS_TIMEOUT.rawValue:
            self.init(.timedOut, "RabbitMQ did not answer in time.", file: file, line: line)
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: self.init(status: reply.library_error, file: file, line: line)
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            switch reply.reply.id {
            case AMQP_CHANNEL_CLOSE_METHOD:
                self.init(reply.reply.decoded.load(as: amqp_channel_close_t.self), file: file, line: line)
            case AMQP_CONNECTION_CLOSE_METHOD:
                self.init(reply.reply.decoded.load(as: amqp_connection_close_t.self), file: file, line: line)
            default: self.init(.unexpected, "RabbitMQ answered with an unknown exception.", file: file, line: line)
            }
        default: self.init(.connectionLost, "RabbitMQ closed the connection without a word.", file: file, line: line)
        }
    }

    /// Why the broker closed a channel.
    init(_ close: amqp_channel_close_t, file: String = #fileID, line: Int = #line) {
        let code: Code =
            switch close.reply_code {
            case 403: .notPermitted
            case 404: .notFound
            case 406: .preconditionFailed
            default: .channelClosed
            }
        self.init(code, close.reply_text.string, replyCode: Int(close.reply_code), file: file, line: line)
    }

    /// Why the broker closed the connection. 403: user or password; 530: the virtual host.
    init(_ close: amqp_connection_close_t, file: String = #fileID, line: Int = #line) {
        let code: Code = close.reply_code == 403 || close.reply_code == 530 ? .accessRefused : .connectionLost
        self.init(code, close.reply_text.string, replyCode: Int(close.reply_code), file: file, line: line)
    }
}
