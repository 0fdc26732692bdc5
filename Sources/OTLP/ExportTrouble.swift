import Synchronization

/// Whether the collector takes no spans, so that each change is logged once.
final class ExportTrouble: Sendable {
    private let lasts = Mutex(false)

    func began(_ report: () -> Void) {
        if change(to: true) { report() }
    }

    func ended(_ report: () -> Void) {
        if change(to: false) { report() }
    }

    private func change(to new: Bool) -> Bool {
        lasts.withLock { lasts in
            defer { lasts = new }
            return lasts != new
        }
    }
}
