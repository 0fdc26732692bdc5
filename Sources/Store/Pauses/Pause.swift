package import Contract

/// An operator's order that jobs wait until a time.
///
/// A sync that it holds waits, is reported once by `job.deferred`, and its time for retries stands still. A job for which a person waits
/// (``JobKind/isInteractive``) ends at once in its own failed event. A scheduled check waits. A reset always passes.
package struct Pause: Hashable, Sendable {
    /// The time for which a pause lasts unless its operator chooses another.
    package static let usual: Duration = .seconds(86_400)
    /// The longest pause. A longer one is set again.
    package static let longest: Duration = .seconds(30 * 86_400)
    /// How many pauses a store may have in force.
    package static let limit = 1000
    /// The maximum number of lanes that one claim takes out of the line, or back into it.
    package static let lanesPerClaim = 64
    /// The maximum number of jobs that one claim releases.
    package static let jobsPerClaim = 256

    package var id: Int64
    package var scope: PauseScope
    /// The operator's words.
    package var reason: String
    /// The text of an ``AuditActor``.
    package var actor: String
    package var begin: Timestamp
    /// From this time on, it holds nothing.
    package var end: Timestamp

    package init(id: Int64, scope: PauseScope, reason: String, actor: String, begin: Timestamp, end: Timestamp) {
        self.id = id
        self.scope = scope
        self.reason = reason
        self.actor = actor
        self.begin = begin
        self.end = end
    }
}

/// What a pause holds.
package enum PauseScope: Hashable, Sendable {
    case all
    case kind(JobKind)
    case tenant(TenantID)
    case lane(Lane)
    /// An Autotask database.
    case database(Int64)
    /// Such as `webservices14`: see ``PausePlace/zone(ofHost:)``.
    case zone(String)

    /// The words before the colon in descriptions.
    package static let names = ["all", "kind", "tenant", "lane", "database", "zone"]

    /// Whether it holds jobs of a kind. All integrations that it names are held alike.
    ///
    /// A connect or a diagnosis passes unless its kind or everything is paused: both serve to mend what a pause may be about.
    package func holds(_ kind: JobKind) -> Bool {
        switch self {
        case .all: kind != .reset
        case .kind(let own): kind == own && kind != .reset
        case .tenant, .lane, .database, .zone: kind != .reset && kind != .connect && kind != .diagnose
        }
    }
}

/// The text in the store, in the audit log and in listings: `tenant:msp-4711`, `lane:msp-4711/workplace`, `database:123456`,
/// `zone:webservices14`, `kind:sync` or `all`.
extension PauseScope: LosslessStringConvertible {
    package var description: String {
        switch self {
        case .all: "all"
        case .kind(let kind): "kind:\(kind.rawValue)"
        case .tenant(let tenant): "tenant:\(tenant)"
        case .lane(let lane): "lane:\(lane.tenant)/\(lane.product.rawValue)"
        case .database(let id): "database:\(id)"
        case .zone(let name): "zone:\(name)"
        }
    }

    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch (parts.first, parts.last) {
        case ("all", _) where parts.count == 1: self = .all
        case ("kind", let name?):
            guard let kind = JobKind(rawValue: name) else { return nil }
            self = .kind(kind)
        case ("tenant", let name?):
            guard let tenant = TenantID(name) else { return nil }
            self = .tenant(tenant)
        case ("lane", let name?):
            let names = name.split(separator: "/").map(String.init)
            guard names.count == 2, let tenant = TenantID(names[0]), let product = Product(rawValue: names[1]) else { return nil }
            self = .lane(Lane(tenant: tenant, product: product))
        case ("database", let name?):
            guard let id = Int64(name) else { return nil }
            self = .database(id)
        case ("zone", let name?): self = .zone(name)
        default: return nil
        }
    }
}

/// An integration, and where it is connected: what decides which pauses concern it.
package struct PausePlace: Hashable, Sendable {
    package var lane: Lane
    package var database: Int64?
    package var zone: String?
    /// The name that Autotask gives to the zone, in small letters.
    package var zoneName: String?

    /// - Parameters:
    ///   - apiURL: the root of the REST API of its zone.
    ///   - zoneName: such as `AE02`.
    package init(_ lane: Lane, database: Int64?, apiURL: String?, zoneName: String? = nil) {
        self.lane = lane
        self.database = database
        zone = apiURL.map { PausePlace.zone(ofHost: PausePlace.host(of: $0)) }
        self.zoneName = zoneName?.lowercased()
    }

    /// All scopes that concern it. Those of kinds concern every integration.
    package var scopes: [PauseScope] {
        [.all, .tenant(lane.tenant), .lane(lane)] + JobKind.allCases.map { .kind($0) } + (database.map { [.database($0)] } ?? [])
            + [zone, zoneName].compactMap { $0.map { .zone($0) } }
    }

    /// The name of a zone: `webservices14` for `webservices14.autotask.net`; a host elsewhere is its own name.
    package static func zone(ofHost host: String) -> String {
        let suffix = ".autotask.net"
        let name = host.lowercased()
        return name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
    }

    package static func host(of url: String) -> String {
        let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
        return String(rest.prefix { $0 != "/" && $0 != ":" })
    }
}
