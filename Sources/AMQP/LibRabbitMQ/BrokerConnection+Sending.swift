import CRabbitMQ

/// Methods that are sent without waiting. The broker's answer arrives as an ``Inbound``.
extension BrokerConnection {
    func openChannel(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_channel_open_t(out_of_band: amqp_empty_bytes)
        try send(AMQP_CHANNEL_OPEN_METHOD, &method, channel)
    }

    func closeChannel(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_channel_close_t(reply_code: UInt16(AMQP_REPLY_SUCCESS), reply_text: amqp_empty_bytes, class_id: 0, method_id: 0)
        try send(AMQP_CHANNEL_CLOSE_METHOD, &method, channel)
    }

    func selectConfirms(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_confirm_select_t(nowait: 0)
        try send(AMQP_CONFIRM_SELECT_METHOD, &method, channel)
    }

    /// Declares a source's temporary queue, sets the prefetch limit, and starts to consume.
    func consume(_ source: ConsumerSource, prefetch: Int, channel: UInt16) throws(AMQPError) {
        defer { pool.recycle() }
        let queue = pool.bytes(source.queue)
        if let declaration = source.temporary {
            var declare = amqp_queue_declare_t()
            declare.queue = queue
            declare.exclusive = 1
            declare.auto_delete = 1
            declare.arguments = amqp_empty_table
            try send(AMQP_QUEUE_DECLARE_METHOD, &declare, channel)
            for binding in declaration.bindings {
                var bind = amqp_queue_bind_t()
                bind.queue = queue
                bind.exchange = pool.bytes(binding.exchange)
                bind.routing_key = pool.bytes(binding.routingKey)
                bind.arguments = amqp_empty_table
                try send(AMQP_QUEUE_BIND_METHOD, &bind, channel)
            }
        }
        // Not global: quorum queues and streams support a limit only for each consumer.
        var qos = amqp_basic_qos_t(prefetch_size: 0, prefetch_count: UInt16(clamping: prefetch), global: 0)
        try send(AMQP_BASIC_QOS_METHOD, &qos, channel)
        var consume = amqp_basic_consume_t()
        consume.queue = queue
        consume.consumer_tag = pool.bytes(Self.consumerTag)
        consume.arguments = pool.table(source.arguments)
        try send(AMQP_BASIC_CONSUME_METHOD, &consume, channel)
    }

    /// A channel has at most one consumer.
    private static let consumerTag = "consumer"

    /// Ends the channel's consumer. Messages delivered to it can still be acknowledged.
    func cancelConsumer(_ channel: UInt16) throws(AMQPError) {
        defer { pool.recycle() }
        var cancel = amqp_basic_cancel_t()
        cancel.consumer_tag = pool.bytes(Self.consumerTag)
        try send(AMQP_BASIC_CANCEL_METHOD, &cancel, channel)
    }

    func acknowledge(_ acknowledgement: AcknowledgementTracker.Acknowledgement, channel: UInt16) throws(AMQPError) {
        var method = amqp_basic_ack_t(delivery_tag: acknowledgement.number, multiple: acknowledgement.isMultiple ? 1 : 0)
        try send(AMQP_BASIC_ACK_METHOD, &method, channel)
    }

    /// Publishes a message as mandatory. Its strings are known to be short enough (``OutboundMessage/problem``).
    func publish(_ message: OutboundMessage, channel: UInt16) throws(AMQPError) {
        defer { pool.recycle() }
        var method = amqp_basic_publish_t()
        method.exchange = pool.bytes(message.exchange)
        method.routing_key = pool.bytes(message.routingKey)
        method.mandatory = 1
        try send(AMQP_BASIC_PUBLISH_METHOD, &method, channel)

        var properties = basicProperties(message.properties)
        try check(CRabbitMQ_send_content_header(handle, channel, &properties, UInt64(message.body.count)))

        let frameBytes = Int(amqp_get_frame_max(handle)) - 8
        let status = message.body.withUnsafeBytes { body in
            var rest = body[...]
            while !rest.isEmpty {
                let fragment = UnsafeRawBufferPointer(rebasing: rest.prefix(frameBytes))
                let status = CRabbitMQ_send_body(handle, channel, fragment.baseAddress, fragment.count)
                guard status == AMQP_STATUS_OK.rawValue else { return status }
                rest = rest.dropFirst(frameBytes)
            }
            return AMQP_STATUS_OK.rawValue
        }
        try check(status)
    }

    private func basicProperties(_ properties: MessageProperties) -> amqp_basic_properties_t {
        var basic = amqp_basic_properties_t()
        var flags: Int32 = 0
        func bytes(_ value: String?, _ flag: Int32) -> amqp_bytes_t {
            guard let value else { return amqp_empty_bytes }
            flags |= flag
            return pool.bytes(value)
        }
        basic.content_type = bytes(properties.contentType, AMQP_BASIC_CONTENT_TYPE_FLAG)
        basic.correlation_id = bytes(properties.correlationID, AMQP_BASIC_CORRELATION_ID_FLAG)
        basic.message_id = bytes(properties.messageID, AMQP_BASIC_MESSAGE_ID_FLAG)
        basic.type = bytes(properties.type, AMQP_BASIC_TYPE_FLAG)
        basic.user_id = bytes(properties.userID, AMQP_BASIC_USER_ID_FLAG)
        basic.app_id = bytes(properties.appID, AMQP_BASIC_APP_ID_FLAG)
        basic.expiration = bytes(properties.expiration, AMQP_BASIC_EXPIRATION_FLAG)
        if let mode = properties.deliveryMode {
            basic.delivery_mode = mode
            flags |= AMQP_BASIC_DELIVERY_MODE_FLAG
        }
        if let timestamp = properties.timestamp {
            basic.timestamp = timestamp
            flags |= AMQP_BASIC_TIMESTAMP_FLAG
        }
        if !properties.headers.isEmpty {
            basic.headers = pool.table(properties.headers)
            flags |= AMQP_BASIC_HEADERS_FLAG
        }
        basic._flags = amqp_flags_t(flags)
        return basic
    }

    /// Holds writes back until ``uncork()``, so that those of one turn are sent together.
    func cork() { CRabbitMQ_cork(socket, 1) }

    func uncork() { CRabbitMQ_cork(socket, 0) }

    func send<Method: BitwiseCopyable>(_ id: amqp_method_number_t, _ method: inout Method, _ channel: UInt16) throws(AMQPError) {
        try check(amqp_send_method(handle, channel, id, &method))
    }

    private func check(_ status: Int32) throws(AMQPError) {
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPError(status: status) }
    }
}
