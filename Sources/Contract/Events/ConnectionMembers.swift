/// The Autotask zone that serves a tenant's database.
package struct Zone: Hashable, Sendable {
    /// For example `AE02`.
    package var name: String
    /// The REST API's root, ending in a slash: `https://webservices14.autotask.net/ATServicesRest/`.
    package var apiURL: String
    /// The user interface's root, ending in a slash: `https://ww14.autotask.net/`.
    package var webURL: String

    package init(name: String, apiURL: String, webURL: String) {
        self.name = name
        self.apiURL = apiURL
        self.webURL = webURL
    }

    package var json: JSON { ["name": .string(name), "apiUrl": .string(apiURL), "webUrl": .string(webURL)] }
}

/// What the API user may do.
package struct Capabilities: Hashable, Sendable {
    package var canQueryServices: Bool
    package var canCreateServices: Bool
    package var canUpdateServices: Bool
    /// `nil` while it is not known: no service with a cost has been seen or written yet.
    package var costVisible: Bool?

    package init(canQueryServices: Bool, canCreateServices: Bool, canUpdateServices: Bool, costVisible: Bool?) {
        self.canQueryServices = canQueryServices
        self.canCreateServices = canCreateServices
        self.canUpdateServices = canUpdateServices
        self.costVisible = costVisible
    }

    package var json: JSON {
        [
            "services": ["query": .bool(canQueryServices), "create": .bool(canCreateServices), "update": .bool(canUpdateServices)],
            "costVisible": costVisible.map(JSON.bool) ?? .null,
        ]
    }
}

/// The page's two sentences, word for word (`Rules` L10, L11), and the other headlines of events.
package enum Headline {
    package static let connectionEstablished = "Connection was established"
    package static let connectionFailed = "Failed to establish connection"
    package static let integrationReset = "Integration was reset"
}

extension String {
    /// A user name with all but its first two characters and its domain hidden: `ap…@demo.example`.
    package var maskedUsername: String {
        let parts = split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let visible = parts[0].count > 4 ? parts[0].prefix(2) : ""
        return visible + "…" + (parts.count > 1 ? "@" + parts[1] : "")
    }
}
