import Contract

/// Holds calls back from a failing part of Autotask (a zone, a database or credentials), and readmits them step by step once it works.
/// Pure: the caller supplies time and randomness.
///
/// Consecutive failures open a closed breaker. After a pause one call may probe. If it succeeds, two calls at a time are admitted, and one
/// more with each success, until the breaker closes. A failure opens it again, for twice as long.
struct CircuitBreaker {
    struct Policy: Hashable, Sendable {
        /// The number of consecutive failures that opens it.
        var threshold: Int
        /// How long it stays open the first time.
        var pause: Duration
        /// It is never open longer than this, unless Autotask asks for more.
        var maximumPause: Duration
        /// It closes when this many calls at a time are admitted again.
        var rampEnd: Int = 64
        /// With this many calls in flight and no answer for ``silence``, further calls wait.
        var crowd: Int = 16
        var silence: Duration = .seconds(8)
    }

    /// Proof of admission. A call's result counts only if the breaker has not entered another phase since.
    struct Ticket: Hashable, Sendable {
        fileprivate let generation: Int
    }

    enum Admission: Hashable, Sendable {
        case go(Ticket)
        /// Not before this moment.
        case wait(until: Timestamp)
    }

    enum Result: Sendable {
        /// Autotask answered, with a success or a refusal.
        case works
        case fails
        /// Autotask limits requests until then.
        case limits(until: Timestamp)
        /// The result says nothing about Autotask; for example, the call was cancelled.
        case inconclusive
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
    /// The number of openings since it last worked.
    private var openings = 0
    /// Whether it was opened because Autotask limits requests.
    private(set) var isLimiting = false

    init(_ policy: Policy, at now: Timestamp) {
        self.policy = policy
        lastSign = now
    }

    /// Whether it can be discarded: a new breaker would behave the same.
    var isAtRest: Bool {
        guard case .closed(0) = phase else { return false }
        return inFlight == 0
    }

    /// Whether it admits calls without a limit.
    var isClosed: Bool {
        if case .closed = phase { true } else { false }
    }

    /// The phase in which it holds calls back; `nil` while it is closed.
    var activePhase: BreakerPhase? {
        switch phase {
        case .closed: nil
        case .open: .open
        case .probing: .probing
        case .recovering: .recovering
        }
    }

    /// When it admits a probe; `nil` while it is not open.
    var openUntil: Timestamp? {
        if case .open(let end) = phase { end } else { nil }
    }

    /// Keeps it open, as a worker did before that Autotask asked to wait.
    mutating func honour(limitUntil end: Timestamp) {
        open(until: end)
        isLimiting = true
    }

    /// Decides whether a call may be made now.
    ///
    /// - Parameter fraction: draws a random number in `0..<1`, which spreads the calls that wait.
    mutating func admit(at now: Timestamp, fraction: () -> Double) -> Admission {
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

    /// Records the result of an admitted call.
    mutating func ended(_ ticket: Ticket, _ result: Result, at now: Timestamp, fraction: () -> Double) {
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
        case (.inconclusive, .probing):
            enter(.open(until: now))
        case (.inconclusive, _):
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

    /// The pause doubles with each opening. Jitter shortens it to no less than half.
    private func pause(_ fraction: () -> Double) -> Duration {
        var pause = policy.pause
        for _ in 0..<min(openings, 16) where pause < policy.maximumPause { pause *= 2 }
        return min(pause, policy.maximumPause) * (0.5 + fraction() / 2)
    }

    private func wait(_ moment: Timestamp, _ spread: Duration, _ fraction: () -> Double) -> Admission {
        .wait(until: moment + max(spread * fraction(), .milliseconds(1)))
    }
}
