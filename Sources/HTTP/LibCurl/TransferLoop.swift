import CCurl
import Telemetry

/// The loop of the HTTP thread: it takes submitted exchanges, lets libcurl send and receive, and resumes the callers. All use of libcurl
/// except the wake-up is confined to this object, and this object to the thread.
final class TransferLoop {
    /// The maximum number of transfers to keep for later requests; each takes some kilobytes. More are created when needed.
    private static let idleLimit = 512

    private let mailbox: Mailbox
    private let multi: MultiHandle
    private let configuration: CurlTransport.Configuration
    private var active: [ObjectIdentifier: Transfer] = [:]
    private var idle: [Transfer] = []
    /// The exchanges that ended in this turn. Their callers are resumed together at its end, because they may submit their next request
    /// immediately.
    private var settled: [EndedExchange] = []

    private let pulse: Pulse

    init(mailbox: Mailbox, multi: MultiHandle, configuration: CurlTransport.Configuration, pulse: Pulse) {
        self.pulse = pulse
        self.mailbox = mailbox
        self.multi = multi
        self.configuration = configuration
    }

    /// Runs until the mailbox is closed. Then, or when libcurl fails as a whole, it abandons everything in flight.
    ///
    /// - Throws: libcurl's failure.
    func run() throws(HTTPError) {
        defer {
            abandonAll()
            pulse.rest()
        }
        while let work = mailbox.take() {
            pulse.turn()
            for exchange in work.admitted { start(exchange) }
            for exchange in work.cancelled { abandon(exchange) }
            try multi.perform()
            multi.forEachFinished { context, result in end(.from(context), with: result) }
            resumeCallers()
            if mailbox.rest() {
                pulse.rest()
                try multi.poll()
            }
        }
    }

    private func start(_ exchange: Exchange) {
        guard exchange.begin() else {
            // Cancelled while it waited: its caller has its outcome, but its slot must be released.
            settled.append(EndedExchange(exchange: exchange, outcome: .failure(.cancelledUnsent)))
            return
        }
        do throws(HTTPError) {
            let transfer = if let used = idle.popLast() { used } else { try Transfer(configuration) }
            active[ObjectIdentifier(exchange)] = transfer
            try transfer.begin(exchange, in: multi)
        } catch {
            // A transfer that could not be set up is not reused.
            active[ObjectIdentifier(exchange)] = nil
            settled.append(EndedExchange(exchange: exchange, outcome: .failure(error)))
        }
    }

    private func abandon(_ exchange: Exchange) {
        // If it is absent, it ended before the cancellation was seen.
        guard let transfer = active[ObjectIdentifier(exchange)] else { return }
        end(transfer, with: nil)
    }

    private func end(_ transfer: Transfer, with result: CURLcode?) {
        guard let settlement = transfer.end(result, in: multi) else { return }
        active[ObjectIdentifier(settlement.exchange)] = nil
        if !transfer.isSpent, idle.count < TransferLoop.idleLimit { idle.append(transfer) }
        settled.append(settlement)
    }

    private func resumeCallers() {
        guard !settled.isEmpty else { return }
        mailbox.release(settled.map(\.exchange.destination.endpoint))
        for settlement in settled { settlement.exchange.finish(settlement.outcome) }
        settled.removeAll(keepingCapacity: true)
    }

    private func abandonAll() {
        for transfer in active.values { end(transfer, with: nil) }
        resumeCallers()
        for exchange in mailbox.close() { exchange.finish(.failure(.cancelledUnsent)) }
    }
}
