import Contract
import Engine
import Synchronization

/// A broker with one job queue and one exchange of results, like RabbitMQ: an unacknowledged message returns when its connection
/// ends, marked as redelivered, before messages never delivered and behind those that returned earlier. One consumer at a
/// time gets messages. Like the worker's, a consumer takes one message at a time after a redelivery.
final class ModelBroker: Sendable {
    /// A consumer's connection. Only it can acknowledge its deliveries.
    struct Connection: Hashable, Sendable {
        fileprivate let number: Int
    }

    struct Message: Sendable {
        fileprivate let number: Int
        var delivery: JobMessage
    }

    private struct Consumer {
        let connection: Connection
        var unacknowledged: [Message] = []
        /// Deliveries that the worker has not asked for yet.
        var waiting: [Message] = []
        /// Whether one message at a time is delivered, until a new message is acknowledged.
        var takesOne = true
        var waiter: CheckedContinuation<[Message]?, Never>?
        var isClosed = false
    }

    private struct State {
        /// Messages never delivered.
        var queue: [Message] = []
        /// Messages delivered and not acknowledged.
        var returned: [Message] = []
        /// Whether a returned message goes to its original place among those that returned earlier.
        var keepsOrder = false
        /// The consumers in order of arrival; the first is the active one.
        var consumers: [Consumer] = []
        /// How many consumers get deliveries: more than one for a while, when the broker takes a live one for dead.
        var activeCount = 1
        var lastNumber = 0
        var lastConnection = 0
        var published: [Published] = []
        /// Tenants for which a queue is full and refuses events.
        var refusedTenants: Set<TenantID> = []
        /// Tenants whose topic the worker may not write: the channel is closed over an event of theirs.
        var forbiddenTenants: Set<TenantID> = []
        /// The largest body: the channel is closed over a larger one.
        var maximumBytes = Int.max
        /// How often the channel was closed.
        var closes = 0
        var redeliveries = 0

        /// Takes the next delivery.
        mutating func next(_ count: Int) -> [Message] {
            let again = Array(returned.prefix(count))
            returned.removeFirst(again.count)
            let fresh = Array(queue.prefix(count - again.count))
            queue.removeFirst(fresh.count)
            return again + fresh
        }
    }

    /// An event as a monitor receives it.
    struct Published: Sendable {
        var event: OrderedEvent
        var at: Timestamp
        /// Its position in the order of the whole run.
        var moment: Int
    }

    private static let prefetch = 8

    private let state = Mutex(State())
    private let timeline: Timeline

    init(timeline: Timeline) { self.timeline = timeline }

    var published: [Published] { state.withLock { $0.published } }
    var waiting: Int {
        state.withLock { state in
            state.queue.count + state.returned.count + state.consumers.reduce(0) { $0 + $1.unacknowledged.count }
        }
    }
    var redeliveries: Int { state.withLock { $0.redeliveries } }

    // MARK: Jobs

    /// Takes a message and keeps it: the publisher gets its confirm.
    func enqueue(_ message: JobMessage) {
        deliverAfter { state in
            state.lastNumber += 1
            var delivery = message
            delivery.queue = "autotask.jobs"
            state.queue.append(Message(number: state.lastNumber, delivery: delivery))
        }
    }

    func connect() -> Connection {
        deliverAfter { state in
            state.lastConnection += 1
            let connection = Connection(number: state.lastConnection)
            state.consumers.append(Consumer(connection: connection))
            return connection
        }
    }

    func isOpen(_ connection: Connection) -> Bool { state.withLock { $0.consumers.contains { $0.connection == connection } } }

    /// The connection is gone: its unacknowledged deliveries go back.
    func disconnect(_ connection: Connection) {
        deliverAfter { state in
            guard let index = state.consumers.firstIndex(where: { $0.connection == connection }) else { return }
            let consumer = state.consumers.remove(at: index)
            state.redeliveries += consumer.unacknowledged.count
            state.returned += consumer.unacknowledged.map { message in
                var message = message
                message.delivery.isRedelivered = true
                message.delivery.returns = (message.delivery.returns ?? 0) + 1
                return message
            }
            if state.keepsOrder { state.returned.sort { $0.number < $1.number } }
            consumer.waiter?.resume(returning: nil)
        }
    }

    /// Lets a second consumer have deliveries beside the first, or ends that.
    func allowActive(_ count: Int) { deliverAfter { $0.activeCount = count } }

    /// - Returns: `nil` once the connection is gone.
    func nextBatch(_ connection: Connection) async -> [Message]? {
        await withCheckedContinuation { continuation in
            deliverAfter { state in
                guard let index = state.consumers.firstIndex(where: { $0.connection == connection }) else {
                    return continuation.resume(returning: nil)
                }
                state.consumers[index].waiter = continuation
            }
        }
    }

    func acknowledge(_ messages: [Message], over connection: Connection) {
        let numbers = messages.map(\.number)
        deliverAfter { state in
            guard let index = state.consumers.firstIndex(where: { $0.connection == connection }) else { return }
            let finished = state.consumers[index].unacknowledged.filter { numbers.contains($0.number) }
            state.consumers[index].unacknowledged.removeAll { numbers.contains($0.number) }
            if finished.contains(where: { !$0.delivery.isRedelivered }) { state.consumers[index].takesOne = false }
        }
    }

    private func deliverAfter<Value: Sendable>(_ change: @Sendable (inout State) -> Value) -> Value {
        let (value, deliveries) = state.withLock { state in
            let value = change(&state)
            var deliveries: [(CheckedContinuation<[Message]?, Never>, [Message])] = []
            for index in state.consumers.indices.prefix(state.activeCount) {
                if !state.returned.isEmpty { state.consumers[index].takesOne = true }
                let prefetch = state.consumers[index].takesOne ? 1 : ModelBroker.prefetch
                let room = max(prefetch - state.consumers[index].unacknowledged.count, 0)
                let arriving = state.next(room)
                state.consumers[index].unacknowledged += arriving
                state.consumers[index].waiting += arriving
            }
            for index in state.consumers.indices {
                let messages = state.consumers[index].waiting
                guard !messages.isEmpty, let waiter = state.consumers[index].waiter else { continue }
                state.consumers[index].waiting = []
                state.consumers[index].waiter = nil
                deliveries.append((waiter, messages))
            }
            return (value, deliveries)
        }
        for (waiter, batch) in deliveries { waiter.resume(returning: batch) }
        return value
    }

    // MARK: Results

    /// A follower's queue for a tenant's events is full, and refuses them.
    func refuse(_ tenant: TenantID) { state.withLock { _ = $0.refusedTenants.insert(tenant) } }

    func take(_ tenant: TenantID) { state.withLock { _ = $0.refusedTenants.remove(tenant) } }

    /// Forbids or allows the worker to write a tenant's topic.
    func forbid(_ tenant: TenantID, _ isForbidden: Bool) {
        state.withLock { if isForbidden { $0.forbiddenTenants.insert(tenant) } else { $0.forbiddenTenants.remove(tenant) } }
    }

    /// Limits the size of a body from now on.
    func limit(_ bytes: Int) { state.withLock { $0.maximumBytes = bytes } }

    /// From now on every event is taken, and jobs are delivered in order: the last jobs of a run must run in order.
    func takeAll() {
        state.withLock { state in
            state.keepsOrder = true
            state.returned.sort { $0.number < $1.number }
            state.refusedTenants = []
            state.forbiddenTenants = []
            state.maximumBytes = .max
        }
    }

    /// How often the channel was closed over an event.
    var closes: Int { state.withLock { $0.closes } }

    /// A full queue refuses an event that all other queues take. The channel is closed over an event that is too large or has a forbidden
    /// topic: the earlier events are taken, and the broker has answered for some of them.
    ///
    /// - Parameter draw: how many of the given number of events before a close are answered.
    /// - Returns: the answer for each.
    func publish(_ events: [OrderedEvent], at now: Timestamp, draw: (Int) -> Int) -> [BrokerAnswer] {
        let culprit = state.withLock { state in
            events.firstIndex { state.forbiddenTenants.contains($0.event.lane.tenant) || $0.encoded.count > state.maximumBytes }
        }
        guard let culprit else { return events.map { take($0, at: now) } }
        state.withLock { $0.closes += 1 }
        let earlier = events[..<culprit].map { take($0, at: now) }
        let answered = earlier.prefix(draw(earlier.count))
        let rest = events.count - answered.count
        timeline.note(
            now,
            "results",
            "closes the channel over \(events[culprit].event.type.rawValue) of \(events[culprit].event.lane.tenant)"
        )
        return answered + Array(repeating: rest == 1 ? .closed(reason: "a fault of the simulation") : .suspected, count: rest)
    }

    private func take(_ event: OrderedEvent, at now: Timestamp) -> BrokerAnswer {
        let answer: BrokerAnswer = state.withLock { $0.refusedTenants.contains(event.event.lane.tenant) } ? .refused : .confirmed
        let data = try? JSON(parsing: event.event.data)
        let code = data?["error"]?["code"]?.string.map { " (\($0))" } ?? ""
        let place = event.sequence.map { "\(event.epoch)/\($0)" } ?? "-"
        let answered = event.event.jobID.map { " answers \($0)" } ?? ""
        let page = event.page.map { ", page \($0.number) of \($0.count)" } ?? ""
        let moment = timeline.note(
            now,
            "results",
            "\(event.event.type.rawValue)\(code) of \(event.event.lane.tenant), \(place)\(answered)\(page)"
                + (answer == .refused ? ", refused" : "")
        )
        state.withLock { $0.published.append(Published(event: event, at: now, moment: moment)) }
        return answer
    }
}
