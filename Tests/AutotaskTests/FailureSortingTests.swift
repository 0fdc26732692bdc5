import Contract
import HTTP
import Testing

@testable import Autotask

@Suite("Failures are classified by their content")
struct FailureSortingTests {
    private func failure(
        of response: HTTPResponse,
        to operation: AutotaskOperation = .queryServices
    ) -> AutotaskError {
        AutotaskError(response, to: operation, redacting: Redaction(.test()))
    }

    /// The kinds of the entries of `errors-catalogue.json`, in its order.
    private static let catalogue: [AutotaskError.Kind] = [
        .duplicateName,
        .rejected,
        .rejected,
        .permissionDenied(verb: "create", object: "services"),
        .permissionDenied(verb: "query", object: "services"),
        .unavailable,
        .rejected,
        .rejected,
        .rejected,
        .rejected,
        .rejected,
        .rejected,
        .rateLimited,
        .locked,
        .rejected,
    ]

    /// Error pages of IIS, short and detailed, of versions 6 to 10, and of ASP.NET.
    private static let refusalsOfIIS = [
        "<h2>401 - Unauthorized: Access is denied due to invalid credentials.</h2>",
        "<H2>401 - UNAUTHORIZED: ACCESS IS DENIED DUE TO INVALID CREDENTIALS.</H2>",
        "\u{FEFF}<!DOCTYPE html><h2>401 - Unauthorized: Access is denied due to invalid credentials.</h2>",
        "<h2>HTTP Error 401.1 - Unauthorized: Access is denied due to invalid credentials.</h2>",
        "<title>IIS 7.5 Detailed Error - 401.1 - Unauthorized</title>", "<title>IIS 8.5 Detailed Error - 401.2 - Unauthorized</title>",
        "<title>IIS 10.0 Detailed Error - 401.0 - Unauthorized</title>", "<h3>HTTP Error 401.3 - Unauthorized</h3>",
        "<h2>401.2 - Unauthorized: Access is denied due to server configuration.</h2>",
        "<h2>401 - Unauthorized: Access is denied due to server configuration.</h2>",
    ]

    @Test("A page of the web server that Autotask runs on refuses the credentials", arguments: refusalsOfIIS)
    func refusalByIIS(page: String) {
        for headers in [[], [(name: "WWW-Authenticate", value: "Basic realm=\"autotask\"")]] {
            let answer = HTTPResponse(status: 401, headers: headers, body: Array(page.utf8))
            for operation in [AutotaskOperation.version, .updateService] {
                let error = failure(of: answer, to: operation)
                #expect(error.kind == .unauthorized && !error.isTransient && !error.isOutcomeUnknown)
            }
            #expect(failure(of: answer, to: .zone).kind == .accessDenied)
        }
        // The same page with another status says nothing about credentials.
        #expect(failure(of: .answer(502, page)).kind == .unavailable)
    }

    @Test(
        "A page of something in front of Autotask does not refuse the credentials",
        arguments: [
            "<title>401 Authorization Required</title><center>nginx</center>", "<h1>Log in to Hotel WLAN</h1>",
            "<h1>Unauthorized</h1><p>This server could not verify that you are authorized to access the document requested.</p>",
        ]
    )
    func refusalInFront(page: String) {
        for realm in ["Basic realm=\"proxy\"", "Negotiate", "Bearer"] {
            let answer = HTTPResponse(status: 401, headers: [(name: "WWW-Authenticate", value: realm)], body: Array(page.utf8))
            #expect(failure(of: answer).kind == .intercepted)
        }
    }

    @Test(
        "A body of white space alone is blank, and is not parsed",
        arguments: [("", true), (" \r\n\t\u{B}\u{C}", true), ("\u{FEFF}", false), ("\u{A0}", false), (" 0", false), ("\0", false)]
    )
    func blank(body: String, isBlank: Bool) {
        let bytes = Array(body.utf8)
        #expect(FailureText.isBlank(bytes) == isBlank && FailureText(bytes).isEmpty == isBlank)
    }

    @Test("Every text of the catalogue has its kind")
    func catalogue() throws {
        let entries = try #require(try Fixture.json("errors-catalogue.json").array)
        try #require(entries.count == FailureSortingTests.catalogue.count)
        for (entry, kind) in zip(entries, FailureSortingTests.catalogue) {
            let body = try #require(entry["body"])
            let status = Int(entry["status"]?.integer ?? 401)
            let error = failure(of: HTTPResponse(status: status, body: body.encoded), to: .updateService)
            #expect(error.kind == kind, "\(body)")
            #expect(error.status == status)
            #expect(error.isOutcomeUnknown == (kind == .unavailable))
        }
    }

    @Test(
        "Each answer has its kind and its code",
        arguments: [
            (HTTPResponse(status: 401), AutotaskError.Kind.unauthorized, ErrorCode.credentialsInvalid),
            (.failure(401, "IntegrationCode is invalid."), .trackingIDRejected, .trackingIDRejected),
            (.fixture("auth-bad-integration-code.500.json", status: 500), .trackingIDRejected, .trackingIDRejected),
            (.fixture("zone-unknown-user.500.json", status: 500), .zoneNotFound, .zoneNotFound),
            (.fixture("entity-unknown.404.html", status: 404), .notServedHere, .autotaskUnavailable),
            (.answer(404, #"{"Message":"No HTTP resource was found that matches the request URI"}"#), .notServedHere, .autotaskUnavailable),
            (.answer(404, "<html>An error has occurred</html>"), .notServedHere, .autotaskUnavailable),
            (HTTPResponse(status: 302), .notServedHere, .autotaskUnavailable),
            (HTTPResponse(status: 308), .notServedHere, .autotaskUnavailable),
            (.fixture("method-not-allowed.405.json", status: 405), .rejected, .remoteRejected),
            (.answer(403, "<html>Forbidden</html>"), .intercepted, .autotaskUnavailable),
            (.answer(403, #"{"Message":"Zugriff verweigert."}"#), .accessDenied, .accessDenied),
            (
                .answer(403, #"{"title":"Error 1020: Access denied","status":403,"cloudflare_error":true}"#), .intercepted,
                .autotaskUnavailable
            ),
            (.answer(403, #"{"error":"blocked","detail":"Policy 7"}"#), .intercepted, .autotaskUnavailable),
            (.answer(401, " \r\n"), .unauthorized, .credentialsInvalid),
            (.answer(401, #"{"Message":"Authorization has been denied for this request."}"#), .unauthorized, .credentialsInvalid),
            (.answer(401, "<html>Proxy</html>"), .intercepted, .autotaskUnavailable),
            (.answer(401, "{}"), .intercepted, .autotaskUnavailable),
            (.answer(401, #"{"title":"Unauthorized","status":401}"#), .unauthorized, .credentialsInvalid),
            (.answer(401, #"{"error":"invalid_token"}"#), .unauthorized, .credentialsInvalid),
            (HTTPResponse(status: 400), .intercepted, .autotaskUnavailable),
            (HTTPResponse(status: 403), .intercepted, .autotaskUnavailable),
            (.answer(405, "<html>"), .intercepted, .autotaskUnavailable),
            (.answer(407, #"{"Message":"Proxy"}"#), .intercepted, .autotaskUnavailable),
            (.answer(413, "Request Entity Too Large"), .intercepted, .autotaskUnavailable),
            (HTTPResponse(status: 421), .intercepted, .autotaskUnavailable),
            (.answer(431, ""), .intercepted, .autotaskUnavailable),
            (.answer(451, "<html>Blocked</html>"), .intercepted, .autotaskUnavailable),
            (.answer(520, "<html>"), .unavailable, .autotaskUnavailable),
            (.failure(526, "Invalid SSL certificate"), .unavailable, .autotaskUnavailable),
            (.failure("Das Ausführungstimeout ist abgelaufen."), .unavailable, .autotaskUnavailable),
            (.failure("SHUTDOWN is in progress."), .unavailable, .autotaskUnavailable),
            (.failure("A transport-level error has occurred when receiving results from the server."), .unavailable, .autotaskUnavailable),
            (.failure("Se ha interrumpido la transacción debido a un interbloqueo."), .unavailable, .autotaskUnavailable),
            (.failure("デッドロックが発生しました。"), .unavailable, .autotaskUnavailable),
            (.answer(200, #"{"errors":["Erreur de délai."],"items":[]}"#), .unavailable, .autotaskUnavailable),
            (.answer(500, "<p>Your account is locked</p>"), .unavailable, .autotaskUnavailable),
            (
                .failure(403, "The logged in Resource does not have the adequate permissions to update this entity type."),
                .permissionDenied(verb: "update", object: "services"), .permissionDenied
            ),
            (
                .failure(
                    "Violation of UNIQUE KEY constraint 'IX_tempdb'. Cannot insert duplicate key in object 'tempdb'."
                ),
                .unavailable, .autotaskUnavailable
            ),
            (.failure("BillingCode does not exist or is invalid."), .billingCodeRejected, .billingCodeNotFound),
            (.failure("Value does not reference an existing entity for billingCodeID . "), .billingCodeRejected, .billingCodeNotFound),
            (.failure(400, "A name is required"), .rejected, .remoteRejected),
            (.failure(500, "The service is required to restart."), .unavailable, .autotaskUnavailable),
            (.failure(500, "Filter is required!"), .rejected, .remoteRejected),
            (.answer(500, "Der Dienst wird angehalten."), .unavailable, .autotaskUnavailable),
            (.failure(409, "Conflict"), .unavailable, .autotaskUnavailable),
            (HTTPResponse(status: 429), .rateLimited, .rateLimited),
            (.failure(500, "API thread threshold of 3 threads has been exceeded"), .rateLimited, .rateLimited),
            (.answer(403, "<h1>Thread Threshold Exceeded</h1>"), .rateLimited, .rateLimited),
            (.failure(503, "Itgenatr005"), .rateLimited, .rateLimited),
            (HTTPResponse(status: 500), .unavailable, .autotaskUnavailable),
            (.answer(500, #"{"errors":[]}"#), .unavailable, .autotaskUnavailable),
            (.answer(500, #"{"errors":[" "]}"#), .unavailable, .autotaskUnavailable),
            (.answer(500, #"{"Message":"An error has occurred."}"#), .unavailable, .autotaskUnavailable),
            (.answer(500, "<html><h1>Server Error</h1></html>"), .unavailable, .autotaskUnavailable),
            (.failure("Transaction (Process ID 61) was deadlocked on lock resources"), .unavailable, .autotaskUnavailable),
            (.failure("Lock request time out period exceeded."), .unavailable, .autotaskUnavailable),
            (.answer(502, "Bad Gateway"), .unavailable, .autotaskUnavailable),
            (.failure(503, "The service is unavailable."), .unavailable, .autotaskUnavailable),
            (.failure(504, "Gateway timeout"), .unavailable, .autotaskUnavailable),
            (HTTPResponse(status: 408), .timedOut, .timeout),
            (.answer(500, #"{"errors":["truncated"#), .unavailable, .autotaskUnavailable),
            (HTTPResponse(status: 700), .malformedResponse, .autotaskUnavailable),
        ]
    )
    func answers(response: HTTPResponse, kind: AutotaskError.Kind, code: ErrorCode) {
        let error = failure(of: response)
        #expect(error.kind == kind)
        #expect(error.jobError.code == code)
        #expect(error.isTransient == code.properties.isRetryable)
        #expect(!error.isOutcomeUnknown, "a read has no unknown outcome")
        #expect(error.jobError.remote?.status == response.status)
    }

    @Test("A refused zone look-up is not a refusal of credentials, because none were sent")
    func zoneWithoutCredentials() {
        #expect(failure(of: HTTPResponse(status: 401), to: .zone).kind == .accessDenied)
    }

    @Test("Autotask's reason for a rejection is in the message")
    func rejectionText() {
        let error = failure(of: .failure("Ticket: Queue ID is required."), to: .createService)
        #expect(error.jobError.message == "Autotask rejected the change: Ticket: Queue ID is required.")
        #expect(error.remoteMessage == "Ticket: Queue ID is required.")
    }

    @Test(
        "In any form of errors, the person sees the sentence",
        arguments: [
            #"{"errors":["Prix refusé."]}"#, #"{"errors":"Prix refusé."}"#, #"{"Errors":[{"Message":"Prix refusé."}]}"#,
            #"{"errors":{"":["Prix refusé."]}}"#, #"{"errors":[["Prix refusé."]]}"#,
            #"{"title":"Bad","detail":"Prix refusé.","status":400}"#,
            #"{"error":{"code":7,"message":"Prix refusé."}}"#, #"{"Message":"Prix refusé."}"#, #""Prix refusé.""#,
            #"{"title":"Prix refusé."}"#,
            #"{"errors":[],"message":"Prix refusé."}"#,
        ]
    )
    func sentences(body: String) {
        for status in [400, 500] {
            #expect(failure(of: .answer(status, body), to: .updateService).remoteMessage == "Prix refusé.")
        }
    }

    @Test("Errors by field name their fields")
    func fields() {
        let problem =
            #"{"title":"One or more validation errors occurred.","errors":{"Name":["Too long."],"UnitPrice":[{"message":"Negative."}]}}"#
        #expect(failure(of: .answer(400, problem)).remoteMessage == "Name: Too long. UnitPrice: Negative.")
        let model = #"{"Message":"The request is invalid.","ModelState":{"service.name":["Too long."]}}"#
        #expect(failure(of: .answer(400, model)).remoteMessage == "service.name: Too long.")
    }

    @Test("A duplicate is recognised by its text, and not by a name in it")
    func duplicate() {
        let text = "Violation of UNIQUE KEY constraint 'IX_service'. The duplicate key value is (thread threshold)."
        #expect(failure(of: .failure(text), to: .createService).kind == .duplicateName)
        #expect(failure(of: .failure(text), to: .createService).jobError.code == .serviceNameConflict)
    }

    @Test("Only these failures may mean that the zone moved")
    func zoneMoved() {
        #expect(failure(of: HTTPResponse(status: 401)).mayMeanZoneMoved)
        #expect(failure(of: HTTPResponse(status: 404)).mayMeanZoneMoved)
        #expect(failure(of: HTTPResponse(status: 307)).mayMeanZoneMoved)
        #expect(failed(.nameNotResolved, to: .version).mayMeanZoneMoved)
        #expect(!failed(.cannotConnect, to: .version).mayMeanZoneMoved)
        #expect(!failure(of: HTTPResponse(status: 500)).mayMeanZoneMoved)
    }

    @Test(
        "A write's outcome is unknown where Autotask did not reach a decision",
        arguments: [
            (HTTPResponse(status: 500), true),
            (.failure(500, "Transaction was deadlocked on lock resources; chosen as the deadlock victim"), true),
            (.failure(500, "An unexpected error has occurred.  Error ID: 1166"), true),
            (.answer(502, ""), true),
            (.answer(504, ""), true),
            (.answer(200, #"{"errors":["what now"],"itemId":4}"#), true),
            (.failure(200, "Violation of UNIQUE KEY constraint 'IX_service'."), false),
            (.failure(500, "A name is required"), false),
            (.failure(500, "Der Name fehlt."), true),
            (.failure(400, "Der Name fehlt."), false),
            (.answer(520, "<html>"), true),
            (.answer(403, "<html>"), false),
            (.answer(200, "<html>"), true),
            (HTTPResponse(status: 401), false),
            (HTTPResponse(status: 403), false),
            (HTTPResponse(status: 429), false),
            (.answer(404, "<html>"), false),
            (HTTPResponse(status: 301), false),
        ]
    )
    func openOutcome(response: HTTPResponse, isOpen: Bool) {
        for operation in [AutotaskOperation.createService, .updateService] {
            let error = failure(of: response, to: operation)
            #expect(error.isOutcomeUnknown == isOpen)
            #expect((error.jobError.code == .outcomeUnknown) == isOpen)
        }
    }

    /// Sentences with which Autotask may refuse a write, in the forms in which they arrive.
    private static let refusals = [
        #"{"Message":"An error has occurred.","ExceptionMessage":"Preis zu hoch.","ExceptionType":"System.Exception"}"#,
        #"{"errors":["An error has occurred.","Preis zu hoch."]}"#,
        #"{"Message":"An error has occurred.","InnerException":{"Message":"An error has occurred.","ExceptionMessage":"Preis zu hoch."}}"#,
        #"{"Message":"The request is invalid.","InnerException":{"Message":"Preis zu hoch."}}"#, #"["Preis zu hoch."]"#,
        #"[{"message":"Preis zu hoch."}]"#, "Preis zu hoch.", #"{"errors":["Preis zu hoch."]}<!-- f5 -->"#,
        #"{"errors":["Preis zu hoch."],"errors":["Preis zu hoch."]}"#, "{\"errors\":[\"\tPreis zu hoch.\"]}",
        #"{"errors":["Name \"Account is locked alert\": Preis zu hoch."]}"#, #"{"errors":["„Rate Limit“: Preis zu hoch."]}"#,
        #"{"errors":{"Name":["'IntegrationCode is invalid': Preis zu hoch."]}}"#, #"{"errors":["«A name is required»: Preis zu hoch."]}"#,
        #"{"errors":["“The timeout expired”: Preis zu hoch."]}"#,
    ]

    @Test("A sentence that refuses a write is settled and shown, in any form", arguments: refusals)
    func refusedWrites(body: String) {
        for operation in [AutotaskOperation.createService, .updateService] {
            let error = failure(of: .answer(500, body), to: operation)
            #expect(error.kind == .unrecognized)
            #expect(error.isOutcomeUnknown && error.answerMark != nil)
            #expect(error.remoteMessage?.contains("Preis zu hoch.") == true)
        }
        #expect(failure(of: .answer(500, body)).kind == .unavailable)
    }

    @Test(
        "A headline alone says nothing about the request",
        arguments: [
            "Internal Server Error", #"{"message":"Internal server error"}"#, #"{"title":"Internal Server Error","status":500}"#,
            #"{"errors":["An error has occurred."]}"#, #"{"Message":"An error has occurred."}"#, "An unexpected error has occurred.",
        ]
    )
    func headlines(body: String) {
        let error = failure(of: .answer(500, body), to: .updateService)
        #expect(error.kind == .unavailable)
        #expect(error.isOutcomeUnknown && error.answerMark == nil)
    }

    @Test(
        "A headline before a sentence, or in a name, hides no refusal",
        arguments: [
            "Internal Server Error: UnitPrice must be greater than 0.", "An error has occurred. Name must be unique.",
            "The value 'Internal Server Error watch' of the field Name must be unique.", "The value 'Internal Server Error watch' is bad.",
        ]
    )
    func headlinesBesideRefusals(text: String) {
        let error = failure(of: .failure(text), to: .createService)
        #expect(error.kind == .rejected || error.kind == .unrecognized)
    }

    @Test("A sentence in another encoding is settled too")
    func otherEncodings() {
        let latin1 = HTTPResponse(status: 500, body: Array(#"{"errors":["Preis zu hoch f"#.utf8) + [0xFC] + Array(#"r M."]}"#.utf8))
        let error = failure(of: latin1, to: .updateService)
        #expect(error.kind == .unrecognized)
        #expect(error.remoteMessage?.contains("Preis zu hoch f") == true && error.remoteMessage?.contains("errors") == false)
    }

    @Test("Text beside quotations and apostrophes counts")
    func apostrophes() {
        #expect(failure(of: .failure("The user's account is locked, isn't it?")).kind == .locked)
        #expect(failure(of: .failure("Your account 'api@msp.example' is new. Account is locked.")).kind == .locked)
        #expect(failure(of: .failure("An open \"quotation. The account is locked.")).kind == .locked)
        #expect(failure(of: .answer(499, ""), to: .updateService).isOutcomeUnknown)
    }

    @Test("Silence leaves a write's outcome unknown only if it may have been sent")
    func silence() {
        #expect(failed(.timedOut, mayHaveBeenSent: true, to: .createService).isOutcomeUnknown)
        #expect(failed(.connectionLost, mayHaveBeenSent: true, to: .updateService).isOutcomeUnknown)
        #expect(!failed(.cannotConnect, mayHaveBeenSent: false, to: .createService).isOutcomeUnknown)
        #expect(!failed(.timedOut, mayHaveBeenSent: true, to: .queryServices).isOutcomeUnknown)
    }

    @Test(
        "Each kind of silence has its code",
        arguments: [
            (HTTPError.Code.nameNotResolved, AutotaskError.Kind.network(.nameNotResolved), ErrorCode.network),
            (.cannotConnect, .network(.cannotConnect), .network),
            (.tlsFailed, .network(.tlsFailed), .network),
            (.connectionLost, .network(.connectionLost), .network),
            (.unexpected, .network(.unexpected), .network),
            (.timedOut, .timedOut, .timeout),
            (.responseTooLarge, .malformedResponse, .autotaskUnavailable),
            (.cancelled, .cancelled, .network),
            (.notAllowed, .notAllowed, .internal),
        ]
    )
    func silences(code: HTTPError.Code, kind: AutotaskError.Kind, jobCode: ErrorCode) {
        let error = failed(code, to: .queryServices)
        #expect(error.kind == kind)
        #expect(error.jobError.code == jobCode)
        #expect(error.isTransient == jobCode.properties.isRetryable)
        #expect(error.status == nil && error.jobError.remote == nil)
    }

    private func failed(_ code: HTTPError.Code, mayHaveBeenSent: Bool = true, to operation: AutotaskOperation) -> AutotaskError {
        AutotaskError(HTTPError(code, "as told", mayHaveBeenSent: mayHaveBeenSent), during: operation)
    }

    @Test(
        "Retry-After is understood in both forms",
        arguments: [
            ("17", Duration.seconds(17)),
            ("0", .zero),
            ("-5", .zero),
            ("99999999999", .seconds(86_400)),
            ("Sun, 22 Nov 2026 08:00:30 GMT", .seconds(30)),
            ("Sun, 22 Nov 2026 07:00:00 GMT", .zero),
            ("Sun, 22 Nov 2036 08:00:30 GMT", .seconds(86_400)),
            ("soon", nil),
            ("1.5", nil),
            ("", nil),
            ("99999999999999999999", nil),
            ("Sun, 22 Nov 2026 08:00:30 \(String(repeating: "\u{301}\u{323}", count: 20_000))", nil),
        ]
    )
    func retryAfter(text: String, wait: Duration?) {
        let response = HTTPResponse(
            status: 429,
            headers: [("date", "Sun, 22 Nov 2026 08:00:00 GMT"), ("retry-after", text)]
        )
        #expect(failure(of: response).retryAfter == wait)
    }

    @Test("A date in Retry-After is ignored if the answer has no date of its own")
    func retryAfterWithoutDate() {
        #expect(failure(of: HTTPResponse(status: 429, headers: [("retry-after", "Sun, 22 Nov 2026 08:00:30 GMT")])).retryAfter == nil)
        #expect(failure(of: HTTPResponse(status: 429)).retryAfter == nil)
    }
}
