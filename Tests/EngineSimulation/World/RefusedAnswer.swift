import HTTP

/// Answers with which Autotask, or something in front of it, refuses a call without doing anything: one of each known kind.
enum RefusedAnswer {
    static let all: [HTTPResponse] = [
        HTTPResponse(status: 401),
        texts(401, "IntegrationCode is invalid"),
        HTTPResponse(status: 403),
        page(404, "Server Error"),
        HTTPResponse(status: 302, headers: [(name: "Location", value: "https://elsewhere.example/")]),
        texts(405, "The requested resource does not support http method 'POST'."),
        HTTPResponse(status: 408),
        texts(409, "The record was changed by somebody else."),
        texts(429, "API thread threshold of 3 threads has been exceeded"),
        texts(500, "API thread threshold of 3 threads has been exceeded"),
        texts(500, "The user account has been locked.  Please see your Autotask Administrator for details."),
        texts(500, "The logged in Resource does not have the adequate permissions to create this entity type."),
        texts(500, "The logged in Resource does not have the adequate permissions to query this entity type"),
        texts(500, "An unexpected error has occurred.  If the problem persists, please contact Autotask Support."),
        texts(500, "Transaction (Process ID 71) was deadlocked on lock resources and has been chosen as the deadlock victim."),
        texts(500, "Value does not reference an existing entity for billingCodeID ."),
        texts(500, "Zone information could not be determined"),
        texts(500, "Violation of UNIQUE KEY constraint 'IX_service'. Cannot insert duplicate key in object 'dbo.Service'."),
        texts(500, "No message. No matching records found."),
        texts(500, "Das Ausführungstimeout ist abgelaufen."),
        texts(500, "SHUTDOWN is in progress."),
        texts(500, "Der Wert ist nicht zulässig."),
        page(403, "Blocked"),
        page(407, "Proxy Authentication Required"),
        page(520, "Web server is returning an unknown error"),
        page(200, "Log in"),
        page(502, "Bad Gateway"),
        page(503, "Service Unavailable"),
    ]

    private static func texts(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(status: status, body: Array(#"{"errors":["\#(text)"]}"#.utf8))
    }

    private static func page(_ status: Int, _ title: String) -> HTTPResponse {
        HTTPResponse(status: status, body: Array("<html><h1>\(title)</h1></html>".utf8))
    }
}
