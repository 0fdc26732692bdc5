import Contract

/// The broker's users and their permissions in one virtual host, from the management API as an administrator sees it.
struct BrokerRights {
    enum Right: String, CaseIterable {
        case configure
        case write
        case read
    }

    struct User {
        let name: String
        let isAdministrator: Bool
        fileprivate let patterns: [Right: String]

        /// Patterns that cannot be read: RabbitMQ accepts constructs that Swift's regular expressions lack.
        var unreadable: [String] { Set(patterns.values).filter { (try? Regex($0)) == nil }.sorted() }

        /// Whether it has any permission in the virtual host.
        var hasPermissions: Bool { !patterns.isEmpty }

        /// Whether its permissions, which RabbitMQ keeps as regular expressions, match a name; `false` for one of ``unreadable``.
        func may(_ right: Right, _ name: String) -> Bool {
            guard let pattern = patterns[right], !pattern.isEmpty, let expression = try? Regex(pattern) else { return false }
            return name.firstMatch(of: expression) != nil
        }
    }

    /// All users in alphabetical order, with those that have no permission there.
    let users: [User]

    /// - Parameters:
    ///   - users: the answer to `/api/users`.
    ///   - permissions: the answer to `/api/permissions`.
    ///   - virtualHost: the virtual host of the permissions.
    /// - Returns: `nil` when they are not answers of the management API.
    init?(users: JSON, permissions: JSON, virtualHost: String) {
        guard let users = users.array, let permissions = permissions.array else { return nil }
        var patterns: [String: [Right: String]] = [:]
        for permission in permissions where permission["vhost"]?.string == virtualHost {
            guard let user = permission["user"]?.string else { return nil }
            for right in Right.allCases { patterns[user, default: [:]][right] = permission[right.rawValue]?.string }
        }
        self.users =
            users.compactMap { user in
                guard let name = user["name"]?.string else { return nil }
                // A list, or in versions before 3.9 a text with commas.
                let tags = user["tags"]?.array?.compactMap(\.string) ?? user["tags"]?.string?.split(separator: ",").map(String.init) ?? []
                return User(name: name, isAdministrator: tags.contains("administrator"), patterns: patterns[name] ?? [:])
            }
            .sorted { $0.name < $1.name }
    }
}
