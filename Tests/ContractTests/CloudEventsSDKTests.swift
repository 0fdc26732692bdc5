import Foundation
import Testing

@testable import Contract

/// How CloudEvents SDKs write the same reset: `CloudEvents/index.json` lists where each fixture comes from.
@Suite("CloudEvents as SDKs write them")
struct CloudEventsSDKTests {
    private static func load(_ name: String) throws -> JSON {
        let url = try #require(Bundle.module.url(forResource: "CloudEvents/" + name, withExtension: nil))
        return try JSON(parsing: Array(Data(contentsOf: url)))
    }

    private static let cases: [JSON] = (try? load("index.json").array) ?? []

    private static func message(_ name: String) throws -> JobMessage {
        let fixture = try load(name)
        var attributes: [String: String] = [:]
        for header in fixture["headers"]?.object?.members ?? [] {
            let name = header.name.split(maxSplits: 1) { ":_-".contains($0) }.last.map { String($0) }
            attributes[name ?? ""] = header.value.string
        }
        return JobMessage(
            routingKey: "reset.msp-1",
            contentType: fixture["contentType"]?.string,
            binaryAttributes: attributes,
            body: Array((fixture["body"]?.string ?? "").utf8)
        )
    }

    @Test func `there are fixtures of at least six SDKs`() {
        let origins = Set(CloudEventsSDKTests.cases.compactMap { $0["file"]?.string?.split(separator: ".").first })
        #expect(origins.isSuperset(of: ["python", "javascript", "go", "dotnet", "java"]) && CloudEventsSDKTests.cases.count >= 20)
    }

    @Test(arguments: cases) func `each fixture is the same job, or is refused by name`(fixture: JSON) throws {
        let name = try #require(fixture["file"]?.string)
        let plain = JobMessage(
            routingKey: "reset.msp-1",
            body: Array(
                #"{"specversion":"1.0","id":"sdk-1","source":"/portal","type":"autotask.job.reset","subject":"msp-1","data":{"confirm":true,"product":"fileProtection","reason":"Büro 🏢 aufgelöst"}}"#
                    .utf8
            )
        ).decoded(acceptsClearCredentials: false)
        switch try CloudEventsSDKTests.message(name).decoded(acceptsClearCredentials: false) {
        case .job(let job):
            let identity = job.identity
            #expect(fixture["refused"] == .null)
            #expect(job.lane.product == .fileProtection)
            if name != "java.nulls.json" { #expect(identity.fingerprint == plain.identity?.fingerprint) }
        case .refused(let identity, let error):
            #expect(error.code.rawValue == fixture["refused"]?.string)
            #expect(identity.id == JobID("sdk-1") && !error.hint.isEmpty)
        case .unreadable(let error): Issue.record("\(name): \(error)")
        }
    }
}
