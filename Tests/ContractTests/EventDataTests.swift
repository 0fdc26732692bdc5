import Testing

@testable import Contract

/// The forms in which CloudEvents in structured mode carry their data, and the media types that describe it.
@Suite("Data of a CloudEvent")
struct EventDataTests {
    private static func message(_ members: String, type: String = "autotask.job.reset") -> JobMessage {
        JobMessage(
            routingKey: "\(type.dropFirst("autotask.job.".count)).msp-1",
            contentType: "application/cloudevents+json",
            body: Array(#"{"specversion":"1.0","id":"job-1","source":"/p","type":"\#(type)","subject":"msp-1",\#(members)}"#.utf8)
        )
    }

    private func read(_ message: JobMessage) -> (job: Job?, identity: JobIdentity?, error: JobError?) {
        switch message.decoded(acceptsClearCredentials: false) {
        case .job(let job): (job, job.identity, nil)
        case .refused(let identity, let error): (nil, identity, error)
        case .unreadable(let error): (nil, nil, error)
        }
    }

    /// `{"confirm":true,"product":"fileProtection"}`
    private static let encoded = "eyJjb25maXJtIjp0cnVlLCJwcm9kdWN0IjoiZmlsZVByb3RlY3Rpb24ifQ=="

    @Test(
        arguments: [
            #""data_base64":"\#(encoded)""#, #""data_base64":"\#(encoded)","datacontenttype":"application/json""#,
            #""data_base64":"\#(encoded.dropLast(2))""#, #""data":null,"data_base64":"\#(encoded)","datacontenttype":"text/json""#,
            #""data_base64":"\#(encoded.prefix(20))\r\n\#(encoded.dropFirst(20))""#,
            // The text contains a byte order mark.
            #""data_base64":"77u/eyJjb25maXJtIjp0cnVlLCJwcm9kdWN0IjoiZmlsZVByb3RlY3Rpb24ifQ==""#,
            #""data_base64":null,"data":{"product":"fileProtection","confirm":true}"#,
            #""data":{"product":"fileProtection","confirm":true,"reason":null}"#,
        ]
    )
    func `data in base64 is the same job as data in JSON`(members: String) throws {
        let plain = read(Self.message(#""data":{"confirm":true,"product":"fileProtection"}"#))
        let other = read(Self.message(members))
        #expect(try #require(other.job).lane.product == .fileProtection)
        #expect(other.identity?.fingerprint == plain.identity?.fingerprint && plain.identity != nil)
    }

    @Test(
        arguments: [
            (#""data": {"confirm" :true,\#n "reason":null,"n":7.0} ,"x":{"data":1}"#, #"{"confirm" :true,\#n "reason":null,"n":7.0}"#),
            (#""x":{"data":{"confirm":false}},"d\u0061ta":{"confirm":true,"reason":"\u0041"}"#, #"{"confirm":true,"reason":"\u0041"}"#),
            (#""data_base64":"eyAiY29uZmlybSI6dHJ1ZSB9""#, #"{ "confirm":true }"#),
            (#""data_base64":"77u/eyJjb25maXJtIjp0cnVlfQ==","data":null"#, "\u{FEFF}" + #"{"confirm":true}"#),
        ]
    )
    func `a job's data is kept as the received bytes, and they are the same job`(members: String, data: String) throws {
        for mark in [[], [0xEF, 0xBB, 0xBF]] as [[UInt8]] {
            var message = Self.message(members)
            message.body = mark + message.body
            let job = try #require(read(message).job)
            #expect(Array(job.data) == Array(data.utf8))
            let kept = try JSON(parsing: Array(job.data)).withoutNullMembers
            let fingerprint = JobIdentity.fingerprint(type: job.identity.type, tenant: job.lane.tenant, data: kept)
            #expect(fingerprint == job.identity.fingerprint)
        }
    }

    @Test func `a job without data is kept as null`() throws {
        for members in [#""x":1"#, #""data":null"#, #""data_base64":null"#] {
            let job = try #require(read(Self.message(members, type: "autotask.job.drift")).job)
            #expect(Array(job.data) == Array("null".utf8))
        }
    }

    @Test func `data that is sent twice is refused`() {
        #expect(read(Self.message(#""data":{"confirm":true},"data":{"confirm":true}"#)).error?.message.contains("repeated") == true)
    }

    @Test(
        arguments: [
            (#""data":{"confirm":true},"data_base64":"e30=""#, .jobInvalid, "data_base64"),
            (#""data_base64":"e30","data":[]"#, .jobInvalid, "data_base64"), (#""data_base64":7"#, .jobInvalid, "data_base64"),
            (#""data_base64":"e3 0=""#, .jobInvalid, "data_base64"), (#""data_base64":"e30==""#, .jobInvalid, "data_base64"),
            (#""data_base64":"_-8""#, .jobInvalid, "data_base64"), (#""data_base64":"""#, .jobInvalid, "data_base64"),
            (#""data_base64":"aGVsbG8=""#, .jobInvalid, "data_base64"), (#""data_base64":"W10=""#, .jobInvalid, "data"),
            (#""data_base64":"e30=","datacontenttype":"application/octet-stream""#, .notSupported, "datacontenttype"),
            (#""data_base64":"PGEvPg==","datacontenttype":"application/xml""#, .notSupported, "datacontenttype"),
            (#""data":"<a/>","datacontenttype":"application/xml""#, .jobInvalid, "datacontenttype"),
            (#""data":"{\"confirm\":true}""#, .jobInvalid, "data"),
        ] as [(String, ErrorCode, String)]
    )
    func `unreadable data is refused, and never ignored`(members: String, code: ErrorCode, field: String) {
        let error = read(Self.message(members)).error
        #expect(error?.code == code && error?.field == field, "\(String(describing: error))")
    }

    @Test func `two unreadable data are not the same`() {
        let forms = [#""data_base64":"aGVsbG8=""#, #""data_base64":"aGVsbG9v""#, #""data_base64":"e30=","data":{}"#, #""data":{}"#]
        #expect(Set(forms.map { read(Self.message($0)).identity?.fingerprint }).count == forms.count)
    }

    @Test(
        arguments: [
            (#""data":{"confirm":true,"product":"FileProtection"}"#, .fileProtection),
            (#""data":{"product":"fileProtection"}"#, .fileProtection),
            (#""data_base64":"eyJwcm9kdWN0IjoiZmlsZVByb3RlY3Rpb24ifQ==""#, .fileProtection),
            (#""data_base64":"!","data":{"product":"fileProtection"}"#, .fileProtection), (#""data":{"product":"other"}"#, .workplace),
            (#""specversion":"1.0","data":{"product" : "fileProtection"}"#, .fileProtection),
            (#""data":{"product":"fileProtection"},"note":"\"product\":\"workplace\"","x":}"#, .fileProtection),
            (#""data":{"product":"fileProtection","x":[{"product":"workplace"}],"y":}"#, .workplace),
        ] as [(String, Product)]
    )
    func `a refusal goes to the product that the message names`(members: String, product: Product) {
        var message = Self.message(members)
        message.messageID = "job-1"
        message.type = "autotask.job.reset"
        #expect(read(message).error != nil && read(message).identity?.lane.product == product)
    }

    @Test func `a byte order mark is skipped`() {
        var message = Self.message(#""data":{"confirm":true}"#)
        message.body = [0xEF, 0xBB, 0xBF] + message.body
        #expect(read(message).job != nil)
    }

    // MARK: Media types

    @Test(
        arguments: [
            "application/cloudevents+json", "application/cloudevents+json; charset=utf-8", "Application/CloudEvents+JSON;charset=UTF-8",
            #"application/cloudevents+json ;  charset="UTF-8""#, " application/cloudevents+json (structured; (mode)) ; charset=utf-8 (c)",
            #"application/cloudevents+json; profile=x; charset="utf\-8""#, "application/cloudevents+json;", "",
        ]
    )
    func `a content type is compared as RFC 2045 says`(contentType: String) {
        var message = Self.message(#""data":{"confirm":true}"#)
        message.contentType = contentType
        #expect(read(message).job != nil)
        message.contentType = nil
        #expect(read(message).job != nil)
    }

    @Test(
        arguments: [
            "application/json", "application/cloudevents+jsonx", "application/cloudevents-batch+json", "application/cloudevents",
            "cloudevents+json",
            "application/cloudevents+json; charset=utf-16", "application/cloudevents+json; charset", "application/cloudevents+json garbage",
            #"application/cloudevents+json; charset="utf-8"#, "text/plain",
        ]
    )
    func `another content type is refused`(contentType: String) {
        var message = Self.message(#""data":{"confirm":true}"#)
        message.contentType = contentType
        #expect(read(message).error?.field == "content_type")
    }

    @Test(
        arguments: [
            ("application/json", true), ("APPLICATION/JSON", true), ("application/json; charset=utf-8", true), ("text/json", true),
            ("application/vnd.portal.job+json;v=1", true), ("application/jsonp", false), ("application/json; charset=latin1", false),
            ("application/xml", false), ("", false), ("json", false),
        ]
    )
    func `a data content type is compared in the same way`(text: String, isJSON: Bool) {
        #expect((read(Self.message(#""data":{"confirm":true},"datacontenttype":"\#(text)""#)).job != nil) == isJSON)
    }

    // MARK: Binary mode

    @Test(arguments: ["application/json", "application/json; charset=utf-8", "text/plain", nil])
    func `binary mode is refused by name, and answered`(contentType: String?) {
        let attributes = ["specversion": "1.0", "id": "job-1", "type": "autotask.job.reset", "subject": "msp-1", "source": "/p"]
        for body in [#"{"confirm":true,"product":"fileProtection"}"#, "not JSON"] {
            let message = JobMessage(
                routingKey: "reset.msp-1",
                contentType: contentType,
                binaryAttributes: attributes,
                body: Array(body.utf8)
            )
            let result = read(message)
            #expect(result.error?.code == .notSupported && result.error?.hint.contains("structured mode") == true)
            #expect(result.identity?.id == JobID("job-1") && result.identity?.lane.tenant == TenantID("msp-1"))
            if body.first == "{" { #expect(result.identity?.lane.product == .fileProtection) }
        }
        // Attributes that are also headers do not affect a message in structured mode.
        var structured = Self.message(#""data":{"confirm":true}"#)
        structured.binaryAttributes = attributes
        #expect(read(structured).job != nil)
    }
}
