package import Contract

/// A selection of jobs: those that meet every criterion that is set. Scheduled checks are in none.
package struct JobSelection: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        /// No attempt has counted yet.
        case waiting
        case running
        /// An attempt has ended, and another follows.
        case retrying
        /// A pause holds it.
        case paused
        /// It has its terminal event.
        case ended
        /// It ended with an error, and no newer request replaced it.
        case failed
    }

    package var tenant: TenantID?
    package var product: Product?
    package var state: State?
    package var kind: JobKind?
    /// The error with which a job ended; of an unfinished job, that of its last deferral.
    package var code: ErrorCode?
    /// The broker user that published it.
    package var publisher: String?
    /// Jobs of this time or later, by the time of ``order``.
    package var since: Timestamp?

    package init(
        tenant: TenantID? = nil,
        product: Product? = nil,
        state: State? = nil,
        kind: JobKind? = nil,
        code: ErrorCode? = nil,
        publisher: String? = nil,
        since: Timestamp? = nil
    ) {
        self.tenant = tenant
        self.product = product
        self.state = state
        self.kind = kind
        self.code = code
        self.publisher = publisher
        self.since = since
    }

    package enum Order: Hashable, Sendable {
        case acceptance
        /// Only failed jobs are looked at.
        case end
    }

    /// The order in which the jobs are found, the newest first.
    package var order: Order {
        guard !isUnfinished else { return .acceptance }
        return state == .failed || (code.map { $0.isFailure } ?? false) ? .end : .acceptance
    }

    /// Whether only unfinished jobs are selected.
    package var isUnfinished: Bool {
        switch state {
        case .waiting, .running, .retrying, .paused: true
        case .ended, .failed, nil: false
        }
    }

    /// Whether unfinished jobs may be selected.
    package var mayBeUnfinished: Bool { isUnfinished || state == nil }

    package func includes(_ job: FoundJob) -> Bool {
        (tenant.map { $0 == job.lane.tenant } ?? true) && (product.map { $0 == job.lane.product } ?? true)
            && (kind.map { $0 == job.kind } ?? true) && (code.map { $0.rawValue == job.code } ?? true)
            && (publisher.map { $0 == job.publisher } ?? true) && (state.map(job.has) ?? true)
            && (since.map { $0 <= (order == .end ? job.endedAt ?? job.acceptedAt : job.acceptedAt) } ?? true)
    }
}

extension ErrorCode {
    /// Whether a job that ends with it has failed. A replaced one has not: the newer request does its work.
    package var isFailure: Bool { self != .superseded }
}
