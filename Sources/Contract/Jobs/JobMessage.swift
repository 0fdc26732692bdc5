/// A message as the broker delivered it: its bytes, and those of its AMQP properties that the contract speaks of.
package struct JobMessage: Sendable {
    package var queue: String
    package var routingKey: String
    /// Whether it was delivered before, to this worker or another, and not acknowledged.
    package var isRedelivered: Bool
    /// How often it came back to its queue, if the broker counts that.
    package var returns: Int64?
    package var contentType: String?
    package var messageID: String?
    package var type: String?
    /// The broker vouches for it: it refuses a `user_id` other than the connection's.
    package var userID: String?
    /// Milliseconds after which a queue would have expired it.
    package var expiration: String?
    /// Whether it was routed by more than its routing key, by the header `CC`.
    package var isCopied: Bool
    /// The `traceparent` header, which stands in for the CloudEvents extension.
    package var traceparent: String?
    /// Attributes of a CloudEvent in binary mode, which travel as headers: by their names, without the prefix.
    package var binaryAttributes: [String: String]
    package var body: [UInt8]
    /// What is known of a body that was too large to keep: then ``body`` is empty.
    package var oversized: OversizedBody?

    package init(
        queue: String = "",
        routingKey: String,
        isRedelivered: Bool = false,
        returns: Int64? = nil,
        contentType: String? = nil,
        messageID: String? = nil,
        type: String? = nil,
        userID: String? = nil,
        expiration: String? = nil,
        isCopied: Bool = false,
        traceparent: String? = nil,
        binaryAttributes: [String: String] = [:],
        body: [UInt8],
        oversized: OversizedBody? = nil
    ) {
        self.queue = queue
        self.routingKey = routingKey
        self.isRedelivered = isRedelivered
        self.returns = returns
        self.contentType = contentType
        self.messageID = messageID
        self.type = type
        self.userID = userID
        self.expiration = expiration
        self.isCopied = isCopied
        self.traceparent = traceparent
        self.binaryAttributes = binaryAttributes
        self.body = body
        self.oversized = oversized
    }

    /// Whether later messages may have been delivered before it (`Decisions` 18): what comes back once keeps its place, and what comes back
    /// again goes behind what was returned with it.
    package var mayBeOvertaken: Bool { isRedelivered && returns ?? 2 > 1 }
}

package struct OversizedBody: Sendable {
    package var size: Int
    package var sha256: [UInt8]

    package init(size: Int, sha256: [UInt8]) {
        self.size = size
        self.sha256 = sha256
    }
}

/// What became of a message when it was read. A refusal is data, not an exception: it is remembered and answered like a job.
package enum DecodedMessage: Sendable {
    case job(Job)
    /// An `autotask.job.*` that can be answered, and is not valid. Its hint asks for a new id (``JobError/asRefusal``).
    case refused(JobIdentity, JobError)
    /// Not even that: there is nobody to answer.
    case unreadable(JobError)

    /// Whose job it is; `nil` for what cannot be answered.
    package var identity: JobIdentity? {
        switch self {
        case .job(let job): job.identity
        case .refused(let identity, _): identity
        case .unreadable: nil
        }
    }
}

/// What identifies a job, valid or not: enough to remember it and to answer it.
package struct JobIdentity: Sendable {
    package var id: JobID
    package var lane: Lane
    /// The full type, `autotask.job.sync`.
    package var type: String
    package var traceparent: String?
    /// What makes two messages the same payload: type, subject and canonical `data`, to be compared by a keyed MAC.
    package var fingerprint: [UInt8]

    package init(id: JobID, lane: Lane, type: String, traceparent: String?, fingerprint: [UInt8]) {
        self.id = id
        self.lane = lane
        self.type = type
        self.traceparent = traceparent
        self.fingerprint = fingerprint
    }

    /// - Parameters:
    ///   - type: the full type.
    ///   - data: as received, without members that are `null`.
    package static func fingerprint(type: String, tenant: TenantID, data: JSON) -> [UInt8] {
        Array(type.utf8) + [0] + Array(tenant.description.utf8) + [0] + data.canonical
    }
}
