package import Contract

/// A message that the worker gave up on. It holds nothing of the body: that may be a secret.
package struct DeadLetter: Hashable, Sendable {
    package var at: Timestamp
    /// A short reason: an ``ErrorCode``'s text, or `untrusted`.
    package var reason: String
    /// Safe to show.
    package var detail: String
    package var sha256: [UInt8]
    package var size: Int
    package var queue: String
    package var routingKey: String
    package var publisher: String?
    package var tenant: TenantID?
    package var jobID: JobID?

    package init(
        at: Timestamp,
        reason: String,
        detail: String,
        sha256: [UInt8],
        size: Int,
        queue: String,
        routingKey: String,
        publisher: String? = nil,
        tenant: TenantID? = nil,
        jobID: JobID? = nil
    ) {
        self.at = at
        self.reason = reason
        self.detail = detail
        self.sha256 = sha256
        self.size = size
        self.queue = queue
        self.routingKey = routingKey
        self.publisher = publisher
        self.tenant = tenant
        self.jobID = jobID
    }
}
