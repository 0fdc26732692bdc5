import Contract
import Testing

@testable import Engine

@Suite("Trusted publishers")
struct TrustedPublishersTests {
    private func covers(_ entries: [String], _ user: String?, _ tenant: String) throws -> Bool {
        try TrustedPublishers(entries).scope(of: user)?.covers(#require(TenantID(tenant))) ?? false
    }

    @Test func `a user without a list may publish for every tenant, and another user for none`() throws {
        #expect(try covers(["portal"], "portal", "msp-1"))
        #expect(try !covers(["portal"], "reseller", "msp-1"))
        #expect(try !covers(["portal"], nil, "msp-1"))
        #expect(try !covers([], "portal", "msp-1"))
        #expect(try covers(["portal", "portal"], "portal", "msp-1"))
    }

    @Test(arguments: [("acme-1", true), ("acme-", true), ("acme2-x", true), ("msp-4711", true), ("acme", false), ("acme2", false)])
    func `a limited user may publish for the tenants and prefixes in its list`(tenant: String, isCovered: Bool) throws {
        let entries = ["portal", "reseller=acme-*", "reseller=acme2-*", "reseller=msp-4711"]
        #expect(try covers(entries, "reseller", tenant) == isCovered)
        #expect(try covers(entries, "portal", tenant))
    }

    @Test(arguments: ["ACME-1", "Acme-1", "msp-47110", "msp-471", "xacme-1"])
    func `names are compared to the letter`(tenant: String) throws {
        #expect(try !covers(["reseller=acme-*", "reseller=msp-4711"], "reseller", tenant))
        #expect(try !covers(["reseller=acme-*"], "Reseller", "acme-1"))
    }

    @Test(
        arguments: [
            "=acme-*", "reseller =acme-*", "reseller=", "reseller=*", "reseller=a*b", "reseller=*-acme", "reseller=acme**",
            "reseller=acme.*", "reseller=-acme*", "reseller= acme-*", "reseller=ä*", "reseller=a=b",
            "reseller=" + String(repeating: "x", count: 65),
        ]
    )
    func `an entry without a user or tenants is refused`(entry: String) {
        let mistake = #expect(throws: TrustedPublishers.Mistake.self) { try TrustedPublishers(["portal", entry]) }
        #expect(mistake?.description.hasPrefix("\(entry) ") == true)
    }

    @Test(arguments: [["reseller", "reseller=acme-*"], ["reseller=acme-*", "reseller"]])
    func `a user cannot be both limited and unlimited`(entries: [String]) {
        #expect(throws: TrustedPublishers.Mistake.self) { try TrustedPublishers(entries) }
    }
}
