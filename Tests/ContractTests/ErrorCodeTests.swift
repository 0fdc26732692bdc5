import Contract
import Foundation
import Testing

@Suite("Error codes")
struct ErrorCodeTests {
    @Test func `the schema says the same of each code as the catalogue`() throws {
        let schema = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../schemas/common/error-code.json")
        let told = try #require(try JSON(parsing: [UInt8](Data(contentsOf: schema)))["x-codes"]?.object)
        let catalogue = ErrorCode.allCases.map { code in
            let properties = code.properties
            let members: JSONObject = [
                "category": .string(properties.category.rawValue),
                "retryable": .bool(properties.isRetryable),
                "fixableBy": .string(properties.fixableBy.rawValue),
                "message": .string(properties.message),
                "hint": .string(properties.hint),
            ]
            return (name: code.rawValue, value: JSON.object(members))
        }
        #expect(told.members.map(\.name) == catalogue.map(\.name))
        for (told, expected) in zip(told.members, catalogue) { #expect(told.value == expected.value, "\(expected.name)") }
    }

    @Test(
        arguments: [
            .jobInvalid, .notSupported, .resetNotConfirmed, .decryptionFailed, .keyUnknown, .planIncomplete, .laneFull, .duplicateID,
            .expired,
        ] as [ErrorCode]
    )
    func `a hint asks for a new id when a refused message has claimed its id`(code: ErrorCode) {
        #expect(code.properties.hint.contains("under a new id"))
    }

    @Test func `a refusal asks for a new id, once`() {
        let error = JobError(.jobInvalid, hint: "Leave it out.")
        #expect(error.asRefusal.hint == "Leave it out. Send it under a new id.")
        #expect(error.asRefusal.asRefusal == error.asRefusal)
    }

    @Test func `an error that is retried says so, and no other error does`() throws {
        let moment = try #require(Timestamp("2026-11-22T08:00:00Z"))
        let limited = JobError(.rateLimited).triedAgain(at: moment)
        #expect(limited.message == "Autotask is limiting requests for your database. We will continue at \(moment).")
        #expect(limited.retryAt == moment)
        #expect(JobError(.timeout).triedAgain(at: moment).message == "Autotask did not answer in time. We will retry.")
        for code in ErrorCode.allCases { #expect(!JobError(code).message.contains("We will"), "\(code)") }
        // A more exact message states itself what follows.
        #expect(JobError(.timeout, "It goes on soon.").triedAgain(at: moment).message == "It goes on soon.")
    }

    @Test func `an internal error of the worker names the job for support, and no other error does`() throws {
        let job = try #require(JobID("0193b0a2"))
        #expect(JobError(.internal).referring(to: job).message == "Something went wrong on our side. Reference 0193b0a2.")
        #expect(JobError(.poison).referring(to: job) == JobError(.poison))
    }
}
