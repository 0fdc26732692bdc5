import Contract

/// Keeps calls from a part of Autotask that does not work, and lets them return step by step once it does (issue of one zone, or of one
/// database). Pure: time and chance are its caller's.
///
/// While it is closed, failures in a row open it. After a pause one call may try; if that succeeds, calls are let in two at a time, and with
/// each success one more, until there are so many that nothing has to be held back. A failure opens it again, for twice as long.
struct CircuitBreaker {
    struct Policy: Hashable, Sendable {
        /// So many failures in a row open it.
        var threshold: Int
        /// How long it stays open the first time.
        var pause: Duration
        /// It is never open longer than this, unless Autotask asks for more.
        var maximumPause: Duration
        /// When so many calls at once work again, it closes.
        var rampEnd: Int = 64
        /// So many calls that wait for an answer, and none that got one for ``silence``: the next would only wait with them.
        var crowd: Int = 16
        var silence: Duration = .seconds(8)
    }

    /// Proof of having been let in. What a call tells counts only as long as nothing has changed since.
    struct Ticket: Hashable, Sendable {
        fileprivate let generation: Int
    }

    enum Admission: Hashable, Sendable {
        case go(Ticket)
        /// Not before this moment.
        case wait(until: Timestamp)
    }

    enum Result: Sendable {
        /// Autotask answered, whatever it said.
        case works
        case fails
        /// Autotask asks to be left alone until then.
        case limits(until: Timestamp)
        /// It says nothing about Autotask, for example a cancelled call.
        case tellsNothing
    }

    private enum Phase {
        case closed(failures: Int)
        case open(until: Timestamp)
        case probing
        case recovering(limit: Int)
    }

    private let policy: Policy
    private var phase = Phase.closed(failures: 0)
    private var generation = 0
    private var inFlight = 0
    /// When a call ended last, or the first one began.
    private var lastSign: Timestamp
    /// How often it opened since it worked.
    private var openings = 0
    /// Whether it was opened because Autotask limits requests.
    private(set) var isLimiting = false

    init(_ policy: Policy, at now: Timestamp) {
        self.policy = policy
        lastSign = now
    }

    /// Whether it need not be remembered: a new one would do the same.
    var isAtRest: Bool {
        guard case .closed(0) = phase else { return false }
        return inFlight == 0
    }

    /// Whether all calls are let in.
    var isClosed: Bool {
        if case .closed = phase { true } else { false }
    }

    /// A call wants to be made.
    ///
    /// - Parameter fraction: chance, in `0..<1`: those who wait do not come back all at once.
    mutating func admit(at now: Timestamp, fraction: Double) -> Admission {
        switch phase {
        case .closed:
            if inFlight == 0 { lastSign = now }
            if inFlight >= policy.crowd, now - lastSign > policy.silence { return wait(now, policy.pause, fraction) }
        case .open(let end) where now < end:
            return wait(end, policy.pause, fraction)
        case .open:
            enter(.probing)
        case .probing:
            return wait(now, policy.pause, fraction)
        case .recovering(let limit):
            if inFlight >= limit { return wait(now, policy.pause, fraction) }
        }
        inFlight += 1
        return .go(Ticket(generation: generation))
    }

    /// A call that was let in has ended.
    mutating func ended(_ ticket: Ticket, _ result: Result, at now: Timestamp, fraction: Double) {
        guard ticket.generation == generation else { return }
        inFlight -= 1
        lastSign = now
        switch (result, phase) {
        case (.works, .probing):
            enter(.recovering(limit: 2))
        case (.works, .recovering(let limit)) where limit < policy.rampEnd:
            phase = .recovering(limit: limit + 1)
        case (.works, _):
            phase = .closed(failures: 0)
            openings = 0
            isLimiting = false
        case (.fails, .closed(let failures)) where failures + 1 < policy.threshold:
            phase = .closed(failures: failures + 1)
        case (.fails, _):
            open(until: now + pause(fraction))
        case (.limits(let end), _):
            open(until: max(end, now + pause(fraction)))
            isLimiting = true
        case (.tellsNothing, .probing):
            enter(.open(until: now))
        case (.tellsNothing, _):
            break
        }
    }

    private mutating func open(until end: Timestamp) {
        openings += 1
        isLimiting = false
        enter(.open(until: end))
    }

    private mutating func enter(_ phase: Phase) {
        self.phase = phase
        generation += 1
        inFlight = 0
    }

    /// Doubles with each opening; between half of it and the whole.
    private func pause(_ fraction: Double) -> Duration {
        var pause = policy.pause
        for _ in 0..<min(openings, 16) where pause < policy.maximumPause { pause *= 2 }
        return min(pause, policy.maximumPause) * (0.5 + fraction / 2)
    }

    private func wait(_ moment: Timestamp, _ spread: Duration, _ fraction: Double) -> Admission {
        .wait(until: moment + max(spread * fraction, .milliseconds(1)))
    }
}
