import Contract

/// The answer to a call.
struct Answer: Sendable {
    var status: Int
    var contentType: String?
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    /// The id that was created or changed, for the record of the call.
    var itemID: Int64?
    /// The texts of a failure, for the record of the call.
    var errors: [String] = []

    static func json(_ json: JSON, status: Int = 200) -> Answer {
        Answer(status: status, contentType: "application/json; charset=utf-8", body: json.encoded)
    }

    static func item(_ id: Int64) -> Answer {
        var answer = json(["itemId": .integer(id)])
        answer.itemID = id
        return answer
    }

    /// Invalid data and missing permissions also give 500: only the body shows the reason.
    static func refusal(_ refusal: Refusal, status: Int = 500) -> Answer {
        var answer = json(["errors": .array(refusal.messages.map(JSON.string))], status: status)
        answer.errors = refusal.messages
        return answer
    }

    static func throttled(_ message: String) -> Answer { refusal(Refusal(message), status: 429) }

    /// The answer to wrong credentials and to a wrong zone. It does not show the reason.
    static let unauthorized = Answer(status: 401)

    static func methodNotAllowed(_ method: String) -> Answer {
        json(["Message": .string("The requested resource does not support http method '\(method)'.")], status: 405)
    }

    static let notFound = html(
        404,
        "404 - File or directory not found.",
        "The resource you are looking for might have been removed, had its name changed, or is temporarily unavailable."
    )

    /// A page of IIS, without a text of Autotask.
    static func html(_ status: Int, _ title: String, _ text: String) -> Answer {
        let page = """
            <!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\
            <html xmlns="http://www.w3.org/1999/xhtml"><head><title>\(title)</title></head><body><div id="header"><h1>Server Error</h1></div>\
            <div id="content"><h2>\(title)</h2><h3>\(text)</h3></div></body></html>
            """
        return Answer(status: status, contentType: "text/html", body: Array(page.utf8))
    }
}
