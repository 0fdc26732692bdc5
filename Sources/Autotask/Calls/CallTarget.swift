/// Where a call goes, as it may be told: a query is left out, since that of a zone look-up names the user.
package struct CallTarget: Hashable, Sendable {
    /// With the port, if one is named.
    package let host: String
    /// Below the version of the API: `Services/query`.
    package let path: String

    /// Whether it counts among a job's calls. Asking for the quota does not: the worker does that for all jobs of a database.
    package var isCounted: Bool { path != AutotaskOperation.threshold.path }

    /// - Parameter url: an absolute one.
    package init(url: String) {
        let bare = url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let parts = bare.split(separator: UInt8(ascii: "/")).dropFirst().map(Substring.init)
        host = parts.first?.lowercased() ?? ""
        let path = parts.dropFirst()
        let version = AutotaskOperation.apiVersion.dropLast()
        self.path = (path.lastIndex { $0 == version }.map { path[($0 + 1)...] } ?? path).joined(separator: "/")
    }
}
