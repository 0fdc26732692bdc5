package import Contract
package import HTTP

/// Where Autotask says a user's database is served.
package struct DiscoveredZone: Hashable, Sendable {
    package var zone: Zone
    /// Autotask's `ci`: one partner's database, and the unit of its request quota.
    package var databaseID: Int64

    package init(zone: Zone, databaseID: Int64) {
        self.zone = zone
        self.databaseID = databaseID
    }
}

/// Finds the zone that serves a user: the one call that needs no authentication, and gets none. No secret and no tracking id is sent.
package struct ZoneDirectory: Sendable {
    private let transport: any HTTPTransport
    private let lookupURL: String

    /// - Parameter lookupURL: the API's root on a host that knows all zones: `https://webservices.autotask.net/atservicesrest/`.
    package init(transport: any HTTPTransport, lookupURL: String) {
        self.transport = transport
        self.lookupURL = lookupURL
    }

    /// Asks for a user's zone.
    ///
    /// - Throws: ``AutotaskError`` of kind `zoneNotFound` if Autotask does not know the user name.
    package func zone(forUsername username: String, traceparent: String? = nil) async throws(AutotaskError) -> DiscoveredZone {
        fatalError()
    }
}
