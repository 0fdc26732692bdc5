import Autotask

/// The services that hold names of the plan by Autotask's comparison, where Swift's (``NameKey``) differs (`Rules` A14).
///
/// Collations may ignore width, kana, accents, ß and ss, and characters without weight. Only Autotask knows what its collation
/// ignores: a service that it finds under a name holds that name. Nearly always no query is needed.
struct NameAnswers {
    /// By plan index, ids of services that hold its name.
    private(set) var holders: [Int: [Int64]] = [:]
    /// The number of queries that were made.
    private(set) var calls = 0

    /// The maximum number of queries. If names are still ambiguous then, the first of them counts as held.
    private static let maximumCalls = 40

    init() {}

    /// - Parameters:
    ///   - plan: in the plan's order; `nil` for a service that is not valid.
    ///   - query: the query that read ``ServiceMatching/services``.
    ///   - unused: a name that no service has.
    init(
        _ plan: [DesiredService?],
        _ matching: ServiceMatching,
        _ query: ServiceQuery,
        unused: @autoclosure () -> String,
        _ session: TenantSession
    ) async throws(CallFailure) {
        // The usual case: each service exists under its name.
        let names = zip(plan, matching.matches).lazy.compactMap { desired, match in desired.map { ($0.name, match.service?.name) } }
        if names.allSatisfy(==) { return }
        let wanted = plan.enumerated().compactMap { index, desired in desired.map { (index, $0) } }
        // A service of the plan that has its name already holds it.
        let moving = wanted.filter { index, desired in matching.matches[index].service.map { NameKey($0.name) != desired.nameKey } ?? true }
        guard !moving.isEmpty else { return }
        var strangers = NameAnswers.strangers(wanted.map(\.1), matching, query)
        if !strangers.isEmpty {
            // A record that appears in every answer holds no name: a gateway may repeat an earlier answer.
            let control = ServiceQuery(names: [unused()], markerField: nil)
            calls += control.minimumCalls
            strangers.subtract(try await session.services(control).map(\.id))
        }
        if !strangers.isEmpty { try await ask(who: strangers, among: moving, session) }

        // Services of the plan were read by id, which does not show whether they also hold another's name.
        let keys = Set(moving.map(\.1.nameKey))
        let ours = matching.owners.keys.compactMap { matching.services[$0] }.filter { !keys.contains(NameKey($0.name)) }
        guard !ours.isEmpty, !(moving.map(\.1.name) + ours.map(\.name)).allSatisfy(\.isPlain) else { return }
        try await ask(who: Set(ours.map(\.id)), among: moving, session)
    }

    /// Ids of services that were read by name alone and have none of the plan's names in Swift's comparison. Autotask considers one equal.
    private static func strangers(_ plan: [DesiredService], _ matching: ServiceMatching, _ query: ServiceQuery) -> Set<Int64> {
        guard !matching.others.isEmpty else { return [] }
        let names = Set(query.names.map { NameKey($0) }).union(plan.map(\.nameKey))
        let markers = Set(query.markers)
        let ids = Set(query.ids)
        return Set(
            matching.others.lazy.filter { service in
                !ids.contains(service.id) && !(service.marker.map(markers.contains) ?? false) && !names.contains(NameKey(service.name))
            }.map(\.id)
        )
    }

    /// Finds by bisection which of the names each service holds.
    private mutating func ask(
        who services: Set<Int64>,
        among names: [(index: Int, desired: DesiredService)],
        _ session: TenantSession
    ) async throws(CallFailure) {
        guard let first = names.first else { return }
        guard calls < NameAnswers.maximumCalls else {
            holders[first.index, default: []] += services.sorted()
            return
        }
        let query = ServiceQuery(names: names.map(\.desired.name), markerField: nil)
        calls += query.minimumCalls
        let found = services.intersection(try await session.services(query).map(\.id))
        guard !found.isEmpty else { return }
        guard names.count > 1 else {
            holders[first.index, default: []] += found.sorted()
            return
        }
        let middle = names.count / 2
        try await ask(who: found, among: Array(names[..<middle]), session)
        try await ask(who: found, among: Array(names[middle...]), session)
    }
}

extension String {
    /// Whether every collation compares it as Swift does, apart from case and outer spaces: printable ASCII.
    fileprivate var isPlain: Bool { utf8.allSatisfy { (0x20..<0x7F).contains($0) } }
}
