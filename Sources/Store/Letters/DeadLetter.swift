package import Contract

/// A dead-lettered message or job. It holds no part of a body, which may be a secret.
package struct DeadLetter: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        /// Refused by intake, or given up on by the broker.
        case message(DeadMessage)
        /// Accepted, but given up on by the worker.
        case job(DeadJob)
    }

    package var at: Timestamp
    package var cause: FailureCause
    /// Safe to show. Empty once it is erased.
    package var detail: String
    package var tenant: TenantID?
    package var product: Product?
    package var jobID: JobID?
    /// The broker user that published it.
    package var publisher: String?
    package var content: Content

    package init(
        at: Timestamp,
        cause: FailureCause,
        detail: String,
        tenant: TenantID? = nil,
        product: Product? = nil,
        jobID: JobID? = nil,
        publisher: String? = nil,
        content: Content
    ) {
        self.at = at
        self.cause = cause
        self.detail = detail
        self.tenant = tenant
        self.product = product
        self.jobID = jobID
        self.publisher = publisher
        self.content = content
    }

    package var reason: String { cause.reason }

    /// The code with which a refused job ends.
    package var endCode: String { cause.code?.rawValue ?? reason }
}

/// The data of a message whose body is not kept.
package struct DeadMessage: Hashable, Sendable {
    /// The hash of the body.
    package var sha256: [UInt8]
    package var size: Int
    package var queue: String
    package var exchange: String?
    package var routingKey: String
    /// The AMQP property as the publisher set it.
    package var messageID: String?
    /// Set for a valid job that the broker gave up on: it can still be entered.
    package var job: UndeliveredJob?
    /// The identity of a death, for a message that the broker gave up on. The same death is recorded once.
    package var death: String?

    package init(
        sha256: [UInt8],
        size: Int,
        queue: String,
        exchange: String? = nil,
        routingKey: String,
        messageID: String? = nil,
        job: UndeliveredJob? = nil,
        death: String? = nil
    ) {
        self.messageID = messageID
        self.job = job
        self.sha256 = sha256
        self.size = size
        self.queue = queue
        self.exchange = exchange
        self.routingKey = routingKey
        self.death = death
    }
}

/// A valid job that the broker gave up on before a worker accepted it. Its id is not claimed, and no event has answered it.
package struct UndeliveredJob: Hashable, Sendable {
    /// When it was published, if known. Jobs that were accepted since then are newer.
    package var publishedAt: Timestamp
    package var expiry: Timestamp?
    /// The revision of a sync.
    package var revision: Int64?
    package var traceparent: String?

    package init(publishedAt: Timestamp, expiry: Timestamp? = nil, revision: Int64? = nil, traceparent: String? = nil) {
        self.publishedAt = publishedAt
        self.expiry = expiry
        self.revision = revision
        self.traceparent = traceparent
    }
}

/// The record of a message that the broker gave up on.
package struct CollectedLetter: Sendable {
    package var letter: DeadLetter
    /// The data of ``DeadMessage/job``, sealed under the key ring's job key.
    package var sealedPayload: [UInt8]?

    package init(_ letter: DeadLetter, sealedPayload: [UInt8]? = nil) {
        self.letter = letter
        self.sealedPayload = sealedPayload
    }
}

/// The history of a job that the worker gave up on.
package struct DeadJob: Hashable, Sendable {
    /// Its place in the order of acceptance.
    package var order: Int64
    package var acceptedAt: Timestamp
    /// Attempts begun and not interrupted, the last one included.
    package var attempts: Int
    /// Attempts during which the worker died.
    package var interruptions: Int
    /// How often it was held up because Autotask did not work; no attempt is counted.
    package var heldUp: Int
    /// The outlines (``Attempt/outline``) of the attempts that did not end it, in order; held-up attempts are only counted.
    package var history: [Attempt]
    /// The revision of a sync.
    package var revision: Int64?
    package var traceparent: String?
    /// The job that it was a copy of.
    package var redriveOf: JobID?

    package init(
        order: Int64,
        acceptedAt: Timestamp,
        attempts: Int,
        interruptions: Int = 0,
        heldUp: Int = 0,
        history: [Attempt] = [],
        revision: Int64? = nil,
        traceparent: String? = nil,
        redriveOf: JobID? = nil
    ) {
        self.order = order
        self.acceptedAt = acceptedAt
        self.attempts = attempts
        self.interruptions = interruptions
        self.heldUp = heldUp
        self.history = history
        self.revision = revision
        self.traceparent = traceparent
        self.redriveOf = redriveOf
    }
}
