/// The target of a call, for logs and events. It has no query, since the query of a zone look-up names the user.
package struct CallTarget: Hashable, Sendable {
    /// The host, with the port if the URL has one.
    package let host: String
    /// The path below the version of the API: `Services/query`.
    package let path: String

    /// Whether it counts among a job's calls. Asking for the quota does not, since it serves all jobs of a database.
    package var isCounted: Bool { path != AutotaskOperation.threshold.path }

    /// - Parameter url: an absolute URL.
    package init(url: String) {
        let bare = url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let parts = bare.split(separator: UInt8(ascii: "/")).dropFirst().map(Substring.init)
        host = parts.first?.lowercased() ?? ""
        let path = parts.dropFirst()
        let version = AutotaskOperation.apiVersion.dropLast()
        self.path = (path.lastIndex { $0 == version }.map { path[($0 + 1)...] } ?? path).joined(separator: "/")
    }
}
