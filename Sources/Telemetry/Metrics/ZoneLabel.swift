import Synchronization

/// The zones that metrics name. Zones come from Autotask's answers, so their number is bounded here: a zone beyond ``limit``, or a host that is
/// no zone of Autotask, is `other`.
package final class ZoneLabel: Sendable {
    package static let limit = 40
    package static let other = "other"

    private let known = Mutex<Set<String>>([])

    package init() {}

    /// - Parameter host: the host of a call, such as `webservices14.autotask.net`.
    /// - Returns: `webservices14`.
    package func value(ofHost host: String) -> String {
        let name = host.prefix { $0 != "." }
        guard name.hasPrefix("webservices"), host.hasSuffix(".autotask.net") else { return ZoneLabel.other }
        let digits = name.dropFirst("webservices".count)
        guard digits.utf8.count <= 3, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return ZoneLabel.other }
        let zone = String(name)
        return known.withLock { known in
            guard !known.contains(zone) else { return zone }
            guard known.count < ZoneLabel.limit - 1 else { return ZoneLabel.other }
            known.insert(zone)
            return zone
        }
    }
}
