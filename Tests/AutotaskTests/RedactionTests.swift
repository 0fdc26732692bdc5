import Contract
import HTTP
import Testing

@testable import Autotask

@Suite("Autotask's text is made safe to show")
struct RedactionTests {
    private func said(_ text: String, _ credentials: AutotaskCredentials = .test()) -> String? {
        AutotaskError(.failure(text), to: .createService, redacting: Redaction(credentials)).remoteMessage
    }

    @Test(
        "No credential survives in any spelling",
        arguments: [
            "User api@demo.example with s3cr3t-Wort, code TRACK-4711",
            "USER API@DEMO.EXAMPLE WITH S3CR3T-WORT, CODE track-4711",
            "?user=api%40demo.example",
            "s3cr3t\u{0}-Wort s3\u{200B}cr3t-Wort",
            "s3cr3t-Worts3cr3t-Wort",
        ]
    )
    func credentials(text: String) throws {
        let message = try #require(said(text)).lowercased()
        for value in ["api@demo", "api%40demo", "s3cr3t-wort", "track-4711"] { #expect(!message.contains(value), "\(message)") }
        #expect(message.contains("[redacted]"))
    }

    @Test(
        "A secret of any bytes is found",
        arguments: [#"é:;%"\"#, "pä ß", "a\tb", String(repeating: "x9", count: 150), "🔑🔑"]
    )
    func oddSecrets(secret: String) throws {
        let credentials = AutotaskCredentials.test(secret: secret)
        #expect(said("It was \(secret)!", credentials) == "It was [redacted]!")
        let latin1 = String(String.UnicodeScalarView(secret.utf8.map { Unicode.Scalar($0) }))
        #expect(said("It was \(latin1)!", credentials) == "It was [redacted]!")
    }

    @Test(
        "An encoded secret is found",
        arguments: [
            #"x p\u00E4\u0024\/w0rd\"\\ \u003c x"#, "x P%C3%A4%24%2Fw0rd%22%5C+%3C x", "x P&#228;$/w0rd&quot;\\&#x20;&lt; x",
            "x 50C3A4242F77307264225C203C x", "x UMOkJC93MHJkIlwgPA== x", "x UMOkJC93MHJkIlwgPA x", "x p%c3%a4$/w0rd\\u0022\\ < x",
        ]
    )
    func encodedSecrets(text: String) throws {
        let message = try #require(said(text, .test(secret: #"Pä$/w0rd"\ <"#)))
        #expect(message.contains("[redacted]"), "\(message)")
        for rest in ["w0rd", "77307264", "JC93MHJk"] { #expect(!message.contains(rest), "\(message)") }
    }

    @Test("A secret within a longer base64 text is found", arguments: ["", "u", "us"])
    func base64(before: String) throws {
        let text = Base64URL.encode("\(before)s3cr3t-Wort:and more".utf8)
        let message = try #require(said(text))
        #expect(message.contains("[redacted]") && !message.contains("czNjcjN0LVdvcnQ"), "\(message)")
    }

    @Test("A secret that the length limit cuts in two is redacted completely")
    func cut() throws {
        let invisible = String(repeating: "\u{200B}", count: (16 << 10) / 3 - 1)
        let message = said("a" + invisible + "s3cr3t-Wort" + String(repeating: " more", count: 100))
        #expect(message.map { !$0.contains("s3") } ?? true)
    }

    @Test("A secret that another value contains is redacted with it")
    func nested() {
        let credentials = AutotaskCredentials.test(username: "demo", secret: "demo-secret", code: "secret")
        #expect(said("demo-secret", credentials) == "[redacted]")
    }

    @Test("An empty value redacts nothing")
    func empty() {
        #expect(said("As it is", .test(username: "", secret: "", code: "")) == "As it is")
    }

    @Test("It is one line of at most 300 characters")
    func shape() throws {
        #expect(
            said("Value cannot be null.\r\nParameter\u{7} name:\u{202E} x\u{2028}y \u{0} ") == "Value cannot be null. Parameter name: x y"
        )
        let long = try #require(said(String(repeating: "ä", count: 1000)))
        #expect(long.count == 300 && long.hasSuffix("…"))
        #expect(said("\u{1}") == nil)
    }

    @Test("Several errors are reported together, in any form")
    func forms() {
        func said(_ body: String) -> String? {
            AutotaskError(.answer(500, body), to: .createService, redacting: Redaction(.test())).remoteMessage
        }
        #expect(said(#"{"errors":["One.","Two."]}"#) == "One. Two.")
        #expect(said(#"{"errors":[{"message":"One."},7,null]}"#) == "One.")
        #expect(said(#"{"Message":"One."}"#) == "One.")
        #expect(said(#""One.""#) == "One.")
        #expect(said("\u{FEFF}" + #"{"errors":["One."]}"#) == "One.")
        #expect(said("<html>One.</html>") == nil)
        #expect(said("[1]") == nil)
    }

    @Test("No description holds a credential or Autotask's text")
    func descriptions() async throws {
        let credentials = AutotaskCredentials.test()
        let transport = ScriptedTransport([.failure("rejected s3cr3t-Wort of api@demo.example by TRACK-4711: Gold plan is required")])
        let session = AutotaskSession.test(transport, credentials: credentials)
        let error = try #require(await failure { () throws(AutotaskError) in try await session.version() })
        for text in ["\(error)", "\(error.jobError)"] {
            for value in ["s3cr3t", "api@demo", "TRACK"] { #expect(!text.contains(value), "\(text)") }
        }
        #expect("\(error)" == "remote_rejected: Autotask rejected the request (HTTP 500)")
        for value in ["s3cr3t", "api@demo", "TRACK"] {
            #expect(!String(reflecting: error).contains(value))
            #expect(!String(reflecting: credentials).contains(value))
            #expect(!String(reflecting: session).contains(value))
            #expect(!"\(error.jobError.json)".contains(value))
        }
    }
}

/// Returns the error of a call that must fail.
func failure<Value>(_ body: () async throws(AutotaskError) -> Value) async -> AutotaskError? {
    do throws(AutotaskError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
