import Contract
import Foundation

/// What a request brings besides its method, path and credentials.
struct RequestContent: Sendable {
    /// Where the client believes to be: what next pages are linked to.
    let authority: String
    let path: String
    let parameters: QueryParameters
    /// `nil` without a body, and for one that is not JSON: .NET's reader makes no difference.
    let body: JSON?

    /// The query: of a GET in the query string, of a POST in the body.
    var query: JSON { search ?? body ?? .null }

    /// The query of a GET.
    var search: JSON? { parameters["search"].flatMap { try? JSON(parsing: Array($0.utf8)) } }

    /// The id after which the page begins.
    var pageStart: Int64 {
        parameters["paging"].flatMap { try? JSON(parsing: Array($0.utf8)) }?.member("lastId")?.wholeNumber ?? .min
    }

    /// Where the next page is. It has to be asked for like this one: posted with the same body, or got with the same `search`.
    func nextPageURL(size: Int, after id: Int64) -> String {
        let root = path.lowercased().hasSuffix("/next") ? String(path.dropLast("/next".count)) : path
        var url = "http://\(authority)\(root)/next?paging="
        url += "{\"pageSize\":\(size),\"lastId\":\(id)}".percentEncoded
        if let search = parameters["search"] { url += "&search=" + search.percentEncoded }
        return url
    }
}

/// The parameters of a query string, read as IIS reads them: a plus sign is a space, and letter case makes no difference in names.
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
