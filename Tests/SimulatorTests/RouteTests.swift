import Contract
import Testing

@testable import autotask_simulator

@Suite("Routes", .timeLimit(.minutes(1)))
struct RouteTests {
    @Test(
        "that do not exist are answered by IIS, in HTML",
        arguments: ["Companies/query", "BillingCodes", "Services/abc", "Services/query/last", "Services/1/2", "", "../Services"]
    )
    func notFound(path: String) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.call("GET", path)
            #expect(reply.status == 404)
            #expect(reply.headers["content-type"] == "text/html")
            #expect(reply.text.contains("404 - File or directory not found."))
        }
    }

    @Test(
        "with another method are answered 405, in the envelope of ASP.NET",
        arguments: [
            ("PATCH", "Services/100"), ("PUT", "Services/100"), ("DELETE", "Services/100"), ("GET", "Services"), ("DELETE", "Services"),
            ("POST", "Version"), ("POST", "Services/entityInformation"), ("PATCH", "Services/query"),
        ]
    )
    func methodNotAllowed(method: String, path: String) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.call(method, path)
            #expect(reply.status == 405)
            #expect(reply.json == ["Message": .string("The requested resource does not support http method '\(method)'.")])
        }
    }

    @Test("of billing codes are read-only", arguments: ["POST", "PATCH", "PUT"])
    func billingCodes(method: String) async throws {
        try await withSimulator { _, caller in
            let status = try await caller.call(method, "BillingCodes", ["id": 5001]).status
            #expect(status == 404)
        }
    }

    @Test("return version and threshold")
    func versionAndThreshold() async throws {
        try await withSimulator { _, caller in
            #expect(try await caller.call("GET", "Version").json?["majorVersion"]?.string != nil)
            let threshold = try await caller.call("GET", "ThresholdInformation").json
            #expect(
                threshold == [
                    "externalRequestThreshold": 10000, "requestThresholdTimeframe": 60, "currentTimeframeRequestCount": 2,
                ]
            )
        }
    }
}
