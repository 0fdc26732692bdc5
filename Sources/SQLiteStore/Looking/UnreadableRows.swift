import Store
import Synchronization

/// The rows that could not be read so far, each reported once.
final class UnreadableRows: Sendable {
    private struct State {
        var found: Set<SetAside> = []
        var observer: Observer<SetAside>?
    }

    private let state = Mutex(State())

    /// The rows that were found.
    var all: [SetAside] { state.withLock { $0.found.sorted { $0.what < $1.what } } }

    /// - Parameter observer: also gets the rows that were found before.
    func observe(_ observer: @escaping @Sendable (SetAside) -> Void) {
        let found = state.withLock { state in
            state.observer = Observer(observe: observer)
            return state.found
        }
        found.forEach(observer)
    }

    func report(_ rows: [SetAside]) {
        guard !rows.isEmpty else { return }
        let (new, observer) = state.withLock { state in (rows.filter { state.found.insert($0).inserted }, state.observer) }
        if let observer { new.forEach(observer.observe) }
    }
}
