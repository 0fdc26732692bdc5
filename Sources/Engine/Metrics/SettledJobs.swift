import Contract
import Store
import Synchronization

/// The jobs that end in one transaction without an attempt. The transaction may be repeated, and then they are noted again: each counts once.
final class SettledJobs: Sendable {
    struct Job: Sendable {
        let kind: JobKind
        let event: EventType
        let code: ErrorCode
    }

    private let noted = Mutex<[Int64: Job]>([:])

    var jobs: [Job] { noted.withLock { Array($0.values) } }

    /// Forgets the jobs of a transaction that failed: a later one may give their places to other jobs.
    func forget() { noted.withLock { $0 = [:] } }

    /// - Parameter jobs: those that the settlements are about, and others.
    func note(_ settlements: [LaneDecision.Settlement], of jobs: [QueuedJob]) {
        guard !settlements.isEmpty else { return }
        noted.withLock { noted in
            for settlement in settlements {
                guard let job = jobs.first(where: { $0.order == settlement.order }) else { continue }
                noted[settlement.order] = Job(kind: job.kind, event: settlement.event.type, code: settlement.code)
            }
        }
    }
}
