import Contract
import Secrets
import Testing
import Vault

struct CredentialsTests {
    private func read(_ text: String) throws(JobError) -> Credentials { try Credentials(parsing: Array(text.utf8).span) }

    private func text(_ secret: SecretReference?) -> String? { secret?.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

    @Test("Credentials are read with every escape that JSON has, and unknown members are ignored")
    func reading() throws {
        let credentials = try read(
            #" { "other" : [1, {"secret": "no"}], "username":"api\u0040demo.example", "secret" : "é:;%\"\\\/\t\ud83d\udd11" , "more": null } "#
        )
        #expect(credentials.username == "api@demo.example")
        #expect(text(credentials.secret) == "é:;%\"\\/\t🔑")
        #expect(credentials.integrationCode == nil)
    }

    @Test("What is written is what was read", arguments: ["plain", "é:;%\"\\\t\u{7F}\u{1}", "🔑", " x "])
    func roundTrip(secret: String) throws {
        let credentials = Credentials(username: "a\"b", secret: SecretReference(secret), integrationCode: SecretReference("\\"))
        let again = try credentials.encoded.withBytes { (bytes) throws(JobError) in try Credentials(parsing: bytes) }
        #expect(again.username == credentials.username)
        #expect(text(again.secret) == secret)
        #expect(text(again.integrationCode) == "\\")
        // As any JSON has it.
        let json = try credentials.encoded.withUnsafeBytes { try JSON(parsing: Array($0)) }
        #expect(json["secret"]?.string == secret)
    }

    @Test(
        "What is wrong is told by the member's name, never by its value",
        arguments: [
            ("", "data.credentials"), ("[]", "data.credentials"), (#"{"username":"TOPSECRET""#, "data.credentials"),
            (#"{"secret":"TOPSECRET"}"#, "data.credentials.username"), (#"{"username":"TOPSECRET"}"#, "data.credentials.secret"),
            (#"{"username":"TOPSECRET","secret":7}"#, "data.credentials.secret"),
            (#"{"username":"TOPSECRET","secret":""}"#, "data.credentials.secret"),
            (#"{"username":"TOPSECRET","secret":"TOPSECRET\n"}"#, "data.credentials.secret"),
            (#"{"username":"TOPSECRET","secret":"TOPSECRET\r"}"#, "data.credentials.secret"),
            (#"{"username":"TOPSECRET","secret":"TOPSECRET\u0000"}"#, "data.credentials.secret"),
            (#"{"username":"TOPSECRET","secret":"x","integrationCode":"\n"}"#, "data.credentials.integrationCode"),
            (#"{"username":"TOPSECRET","secret":"x","secret":"y"}"#, "data.credentials"),
            (#"{"username":"TOPSECRET","secret":"\ud800"}"#, "data.credentials.secret"),
            (#"{"username":"TOPSECRET","secret":null}"#, "data.credentials.secret"), (#"{"username":null}"#, "data.credentials.username"),
            (#"{"username":"TOPSECRET","secret":"x"} x"#, "data.credentials"),
        ]
    )
    func refusals(text: String, field: String) {
        let error = #expect(throws: JobError.self) { _ = try read(text) }
        #expect(error?.code == .jobInvalid)
        #expect(error?.field == field)
        #expect(error.map { "\($0) \($0.json)".contains("TOPSECRET") } == false)
    }

    @Test("A credential may have 1024 bytes and no more")
    func length() throws {
        func credentials(_ count: Int) throws(JobError) -> Credentials {
            try read(#"{"username":"api","secret":"\#(String(repeating: "x", count: count))"}"#)
        }
        #expect(try credentials(1024).secret.count == 1024)
        #expect(throws: JobError.self) { _ = try credentials(1025) }
    }

    @Test("An optional member that is null is absent, and a byte order mark is passed over")
    func nullAndMark() throws {
        let credentials = try read(#"\#u{FEFF}{"integrationCode":null,"username":"api","secret":"null","other":null}"#)
        #expect(credentials.integrationCode == nil && credentials.secret.count == 4)
    }

    @Test("No description tells a secret")
    func descriptions() throws {
        let credentials = Credentials(username: "api", secret: SecretReference("TOPSECRET"), integrationCode: SecretReference("TOPSECRET"))
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped] { #expect(!text.contains("TOPSECRET")) }
    }
}
