import Synchronization

/// The faults of a run. Each kind is counted where it has an effect: a dead worker is not killed again.
package enum Fault: String, CaseIterable, Sendable {
    case workerKilled = "worker killed"
    case workerStopped = "worker stopped for a while"
    case workerFinished = "worker told to finish"
    case connectionLost = "connection to the broker lost"
    case redeliveryLost = "connection lost after a redelivery"
    case secondConsumer = "two active consumers"
    case duplicatePublish = "job published twice"
    case otherPayload = "id used again for another payload"
    case poisonJob = "job that kills its worker"
    case poisonMessage = "message that kills its worker"
    case passwordChanged = "password changed in Autotask"
    case eventNotTaken = "event not taken"
    case tenantRefused = "event of a tenant refused by a follower's full queue"
    case channelClosed = "channel closed over an event that is forbidden or too large"
    case confirmLost = "confirm lost after the event was taken"
    case storeFailed = "store failed before a transaction"
    case storeSlow = "store took up to 4 s for a transaction"
    case storeShut = "store took no jobs in for up to 30 s"
    case paused = "jobs paused by an operator"
    case redriven = "dead letters redriven in the background"
    case longReader = "a reader kept what was erased for up to a minute"
    case clockWrong = "clock up to 5 s wrong"
    case clockStepped = "clock set by up to an hour"
    case callNotSent = "call not sent"
    case callWithdrawn = "call withdrawn after the lease"
    case callHung = "call timed out without effect"
    case answerLost = "answer lost after commit"
    case answerGarbled = "answer garbled after commit"
    case lateCommit = "commit after the caller gave up"
    case tooManyRequests = "429"
    case serverError = "500 without a text"
    case refusedAnswer = "another answer of the catalogue"
}

/// Decides which faults occur, with the run's random generator.
final class FaultPlan: Sendable {
    private let scheduler: SeededScheduler
    /// How often in a thousand each kind occurs where it can. Each run has its own rates: some are calm except for one kind.
    private let perMille: [Fault: Int]
    private let state = Mutex((isOver: false, counts: [Fault: Int]()))

    init(_ scheduler: SeededScheduler) {
        self.scheduler = scheduler
        perMille = scheduler.draw { random in
            let level = [0, 10, 40, 120].randomElement(using: &random) ?? 0
            var perMille: [Fault: Int] = [:]
            for fault in Fault.allCases { perMille[fault] = random.happens(500) ? level : 0 }
            return perMille
        }
    }

    var counts: [Fault: Int] { state.withLock { $0.counts } }

    /// Whether everything works again.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Stops all faults from now on.
    func end() { state.withLock { $0.isOver = true } }

    /// Whether a fault occurs here and now.
    func strikes(_ fault: Fault) -> Bool {
        guard draws(fault) else { return false }
        note(fault)
        return true
    }

    /// Whether a fault is to occur. The caller that causes it notes it.
    func draws(_ fault: Fault) -> Bool {
        guard let perMille = perMille[fault], perMille > 0, !state.withLock({ $0.isOver }) else { return false }
        return scheduler.draw { $0.happens(perMille) }
    }

    func note(_ fault: Fault) { state.withLock { $0.counts[fault, default: 0] += 1 } }
}
