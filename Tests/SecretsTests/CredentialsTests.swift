import Contract
import Secrets
import Testing

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

    @Test("Credentials are read back as they were written", arguments: ["plain", "é:;%\"\\\t\u{7F}\u{1}", "🔑", " x "])
    func roundTrip(secret: String) throws {
        let credentials = Credentials(username: "a\"b", secret: SecretReference(secret), integrationCode: SecretReference("\\"))
        let again = try credentials.encoded.withBytes { (bytes) throws(JobError) in try Credentials(parsing: bytes) }
        #expect(again.username == credentials.username)
        #expect(text(again.secret) == secret)
        #expect(text(again.integrationCode) == "\\")
        // Any JSON parser reads the same.
        let json = try credentials.encoded.withUnsafeBytes { try JSON(parsing: Array($0)) }
        #expect(json["secret"]?.string == secret)
    }

    @Test(
        "An error names the member and never its value",
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

    @Test(
        "An error names the member, the broken rule, and only the JSON type of the value",
        arguments: [
            (#"{"username":5,"secret":"x"}"#, "username", "a number"), (#"{"username": -5,"secret":"x"}"#, "username", "a number"),
            (#"{"username":"a","secret":true}"#, "secret", "a boolean"), (#"{"username":"a","secret":["x"]}"#, "secret", "an array"),
            (#"{"username":"a","secret" : {"a":1}}"#, "secret", "an object"),
            (#"{"username":"a","secret":"\ud800"}"#, "secret", "a string with half a surrogate pair"),
            (#"{"username":"","secret":"x"}"#, "username", "an empty string"),
            (#"{"username":"a","secret":"x\r"}"#, "secret", "a string with a line break (CR or LF) or a NUL"),
            (#"{"username":"a","secret":"x","integrationCode":"\n"}"#, "integrationCode", "a string with a line break (CR or LF) or a NUL"),
            (
                #"{"username":"a","secret":"\#(String(repeating: "x", count: 1025))"}"#, "secret", "a string of more than 1024 bytes"
            ),
        ]
    )
    func whatCameAndWhatWasDue(text: String, member: String, came: String) {
        let error = #expect(throws: JobError.self) { _ = try read(text) }
        let (field, due) = ("data.credentials.\(member)", "a string of 1 to 1024 bytes in UTF-8 without CR, LF and NUL")
        #expect(error?.message == "\(field): \(came) came, \(due) was due." && error?.field == field)
        #expect(error?.hint == "Send \(field) as \(due), under a new id.")
    }

    @Test(
        "A value that is not an object is named by its JSON type, and broken JSON by its fault",
        arguments: [
            (#" ["TOPSECRET"]"#, "an array was sealed"), (#""TOPSECRET""#, "a string was sealed"), ("7", "a number was sealed"),
            ("TOPSECRET", "what was sealed is no JSON"), ("", "what was sealed is no JSON"),
            (#"{"username":"TOPSECRET","username":"x"}"#, "what was sealed is not valid JSON (a member name is repeated)"),
        ]
    )
    func noObject(text: String, came: String) {
        let error = #expect(throws: JobError.self) { _ = try read(text) }
        #expect(error?.message == "data.credentials: \(came), a JSON object with username and secret was due.")
        #expect(error?.hint.hasSuffix("under a new id.") == true && error?.field == "data.credentials")
    }

    @Test("A credential may have 1024 bytes and no more")
    func length() throws {
        func credentials(_ count: Int) throws(JobError) -> Credentials {
            try read(#"{"username":"api","secret":"\#(String(repeating: "x", count: count))"}"#)
        }
        #expect(try credentials(1024).secret.count == 1024)
        #expect(throws: JobError.self) { _ = try credentials(1025) }
    }

    @Test("An optional member that is null is absent, and a byte order mark is skipped")
    func nullAndMark() throws {
        let credentials = try read(#"\#u{FEFF}{"integrationCode":null,"username":"api","secret":"null","other":null}"#)
        #expect(credentials.integrationCode == nil && credentials.secret.count == 4)
    }

    @Test("No description reveals a secret")
    func descriptions() throws {
        let credentials = Credentials(username: "api", secret: SecretReference("TOPSECRET"), integrationCode: SecretReference("TOPSECRET"))
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped] { #expect(!text.contains("TOPSECRET")) }
    }
}

extension SecretReference {
    fileprivate convenience init(_ text: String) { self.init(copying: Array(text.utf8).span) }
}
