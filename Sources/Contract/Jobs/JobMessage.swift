/// A message as the broker delivered it: its body, and the AMQP properties that the contract uses.
package struct JobMessage: Sendable {
    package var queue: String
    package var routingKey: String
    /// Whether it was delivered before, to this worker or another, and not acknowledged.
    package var isRedelivered: Bool
    /// How often it was returned to its queue, if the broker counts that.
    package var returns: Int64?
    package var contentType: String?
    package var messageID: String?
    package var type: String?
    /// The publisher's user. The broker guarantees it: it refuses a `user_id` other than the connection's.
    package var userID: String?
    /// The milliseconds after which a queue would have expired the message.
    package var expiration: String?
    /// Whether the header `CC` routed it by further routing keys.
    package var isCopied: Bool
    /// The `traceparent` header, used if the CloudEvents extension is missing.
    package var traceparent: String?
    /// The attributes of a CloudEvent in binary mode, which are headers, by their names without the prefix.
    package var binaryAttributes: [String: String]
    package var body: [UInt8]
    /// Size and digest of a body that was too large to keep; ``body`` is then empty.
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

    /// Whether later messages may have been delivered before it (`Decisions` 18). A message that is returned once keeps its place; one that
    /// is returned again goes behind those returned with it.
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

/// The result of decoding a message. A refusal is a value, not a thrown error: the worker remembers and answers it like a job.
package enum DecodedMessage: Sendable {
    case job(Job)
    /// An `autotask.job.*` that can be answered but is not valid. Its hint asks for a new id (``JobError/asRefusal``).
    case refused(JobIdentity, JobError)
    /// A message that cannot be answered: tenant, id or type are unknown.
    case unreadable(JobError)

    /// The identity of the job; `nil` if the message cannot be answered.
    package var identity: JobIdentity? {
        switch self {
        case .job(let job): job.identity
        case .refused(let identity, _): identity
        case .unreadable: nil
        }
    }
}

/// The identity of a job, valid or not: enough to remember and answer it.
package struct JobIdentity: Sendable {
    package var id: JobID
    package var lane: Lane
    /// The full type, `autotask.job.sync`.
    package var type: String
    package var traceparent: String?
    /// Type, subject and canonical `data`: two messages with the same fingerprint are the same job. The worker compares its keyed MAC.
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
    ///   - data: the received data without members that are `null`.
    package static func fingerprint(type: String, tenant: TenantID, data: JSON) -> [UInt8] {
        Array(type.utf8) + [0] + Array(tenant.description.utf8) + [0] + data.canonical
    }
}
