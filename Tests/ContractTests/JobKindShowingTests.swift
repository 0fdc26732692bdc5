import Testing

@testable import Contract

@Suite("How a job is shown")
struct JobKindShowingTests {
    @Test("A plan is shown with all members that the contract names, as typed, and no others")
    func plan() throws {
        let service: JSON = [
            "key": "license", "name": "A — é", "type": "License", "period": "Weekly", "unitCost": "4.50", "unitPrice": 9,
            "billingCodeId": 29_683_001,
        ]
        let shown: JSON = [
            "planId": "p", "revision": 7, "retired": ["old"], "acknowledge": ["price_changed"],
            "acknowledgeRequired": ["negative_margin"], "adopt": ["license": 12], "previewId": "x",
            "services": [service],
        ]
        var members = try #require(shown.object)
        var more = try #require(service.object)
        members["password"] = "hunter2"
        more["secret"] = "hunter2"
        members["services"] = [.object(more)]
        #expect(JSON.object(JobKind.sync.shown(of: .object(members))) == shown)
        #expect(JSON.object(JobKind.preview.shown(of: .object(members))) == shown)
    }

    @Test("A connect is shown without credentials, and a reset without its reason")
    func others() {
        let data: JSON = [
            "credentials": ["username": "api@demo.example", "secret": "s3cret"], "firstConfiguredAt": "2020-01-01T00:00:00Z",
            "allowDatabaseChange": true, "confirm": true, "reason": "Jane asked", "refresh": true, "planId": "p",
        ]
        func shown(_ kind: JobKind) -> [String] { kind.shown(of: data).members.map(\.name) }
        #expect(shown(.connect) == ["firstConfiguredAt", "allowDatabaseChange"])
        #expect(shown(.reset) == ["confirm"])
        #expect(shown(.billingCodes) == ["refresh"])
        for kind in [JobKind.verify, .drift, .diagnose] { #expect(shown(kind) == []) }
    }
}
