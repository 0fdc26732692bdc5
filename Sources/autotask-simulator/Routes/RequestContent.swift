import Contract
import Foundation

/// The content of a request apart from its method and credentials.
struct RequestContent: Sendable {
    /// The host and port that the client called, which links to next pages repeat.
    let authority: String
    let path: String
    let parameters: QueryParameters
    /// The body; `nil` if it is missing or not JSON, which .NET treats alike.
    let body: JSON?

    /// The query, from the query string of a GET or the body of a POST.
    var query: JSON { search ?? body ?? .null }

    /// The query of a GET.
    var search: JSON? { parameters["search"].flatMap { try? JSON(parsing: Array($0.utf8)) } }

    /// The id after which the page begins.
    var pageStart: Int64 {
        parameters["paging"].flatMap { try? JSON(parsing: Array($0.utf8)) }?.member("lastId")?.wholeNumber ?? .min
    }

    /// The URL of the next page. It has to be requested like this page: by POST with the same body, or by GET with the same `search`.
    func nextPageURL(size: Int, after id: Int64) -> String {
        let root = path.lowercased().hasSuffix("/next") ? String(path.dropLast("/next".count)) : path
        var url = "http://\(authority)\(root)/next?paging="
        url += "{\"pageSize\":\(size),\"lastId\":\(id)}".percentEncoded
        if let search = parameters["search"] { url += "&search=" + search.percentEncoded }
        return url
    }
}

/// The parameters of a query string, read as by IIS: a plus sign is a space, and names ignore letter case.
struct QueryParameters: Sendable {
    private let values: [String: String]

    init(_ query: String?) {
        var values: [String: String] = [:]
        for pair in (query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let text = parts.count == 2 ? String(parts[1].map { $0 == "+" ? " " : $0 }) : ""
            values[parts[0].lowercased()] = text.removingPercentEncoding ?? text
        }
        self.values = values
    }

    subscript(name: String) -> String? { values[name.lowercased()] }
}
