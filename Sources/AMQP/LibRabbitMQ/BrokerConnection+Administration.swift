import CRabbitMQ

/// Methods that wait for the broker's answer, for connections that do nothing else.
///
/// Each uses a separate channel, because the broker closes the channel of a method that it refuses.
extension BrokerConnection {
    func declare(_ exchange: Topology.Exchange, passively: Bool) throws(AMQPError) {
        try onChannel { (channel) throws(AMQPError) in
            amqp_exchange_declare(
                handle,
                channel,
                pool.bytes(exchange.name),
                pool.bytes(exchange.kind.rawValue),
                passively ? 1 : 0,
                1,
                0,
                0,
                amqp_empty_table
            )
            try checkReply()
        }
    }

    /// - Returns: the queue's state at this moment.
    @discardableResult
    func declare(_ queue: Topology.Queue, passively: Bool) throws(AMQPError) -> QueueState {
        try onChannel { (channel) throws(AMQPError) in
            let answer = amqp_queue_declare(
                handle,
                channel,
                pool.bytes(queue.name),
                passively ? 1 : 0,
                1,
                0,
                0,
                pool.table(queue.arguments)
            )
            try checkReply()
            return QueueState(
                ready: Int(answer?.pointee.message_count ?? 0),
                consumers: Int(answer?.pointee.consumer_count ?? 0)
            )
        }
    }

    func bind(_ binding: Topology.Binding) throws(AMQPError) {
        try onChannel { (channel) throws(AMQPError) in
            amqp_queue_bind(
                handle,
                channel,
                pool.bytes(binding.queue),
                pool.bytes(binding.exchange),
                pool.bytes(binding.routingKey),
                amqp_empty_table
            )
            try checkReply()
        }
    }

    /// Publishes a message that reaches no queue, to test whether the broker accepts its size: RabbitMQ checks the size first.
    ///
    /// - Returns: the broker's reason for refusing it; `nil` if it accepts the size.
    func refusal(ofMessageWith bytes: Int) throws(AMQPError) -> String? {
        let nowhere = OutboundMessage(
            exchange: "",
            routingKey: "autotask-worker.no-queue-has-this-name",
            properties: MessageProperties(deliveryMode: 1),
            body: Array(repeating: 0, count: bytes)
        )
        do throws(AMQPError) {
            try onChannel { (channel) throws(AMQPError) in
                try publish(nowhere, channel: channel)
                // The broker answers after it has checked the message.
                amqp_exchange_declare(handle, channel, pool.bytes("amq.topic"), pool.bytes("topic"), 1, 1, 0, 0, amqp_empty_table)
                try checkReply()
            }
            return nil
        } catch {
            switch error.code {
            case .preconditionFailed: return error.message
            case .notPermitted, .notFound: return nil
            default: throw error
            }
        }
    }

    func deleteQueue(_ name: String) throws(AMQPError) {
        try onChannel { (channel) throws(AMQPError) in
            amqp_queue_delete(handle, channel, pool.bytes(name), 0, 0)
            try checkReply()
        }
    }

    func deleteExchange(_ name: String) throws(AMQPError) {
        try onChannel { (channel) throws(AMQPError) in
            amqp_exchange_delete(handle, channel, pool.bytes(name), 0)
            try checkReply()
        }
    }

    private func onChannel<Value>(_ body: (UInt16) throws(AMQPError) -> Value) throws(AMQPError) -> Value {
        let channel: UInt16 = 1
        defer {
            pool.recycle()
            releaseBuffers()
        }
        amqp_channel_open(handle, channel)
        try checkReply()
        do {
            let value = try body(channel)
            amqp_channel_close(handle, channel, AMQP_REPLY_SUCCESS)
            return value
        } catch {
            // The broker requires this before the channel's number is used again.
            if [.notPermitted, .notFound, .preconditionFailed, .channelClosed].contains(error.code) {
                var ok = amqp_channel_close_ok_t()
                try send(AMQP_CHANNEL_CLOSE_OK_METHOD, &ok, channel)
            }
            throw error
        }
    }

    private func checkReply() throws(AMQPError) {
        if let error = AMQPError(reply: amqp_get_rpc_reply(handle)) { throw error }
    }
}
