import Testing

@testable import Contract

@Suite("Identifiers")
struct IdentifierTests {
    @Test(arguments: ["a", "msp-4711", "A_b-9", String(repeating: "x", count: 64)])
    func `tenants in the contract's form are accepted`(text: String) { #expect(TenantID(text)?.description == text) }

    @Test(arguments: ["", "-a", "_a", "a.b", "a b", "ä", "a/b", "a*", "#", String(repeating: "x", count: 65)])
    func `other tenants are refused`(text: String) { #expect(TenantID(text) == nil) }

    @Test(arguments: ["a", "0193b0a2-1", "a:b.c_d-e", String(repeating: "x", count: 128)])
    func `ids in the contract's form are accepted`(text: String) { #expect(JobID(text)?.description == text) }

    @Test(arguments: ["", "a b", "ä", "a/b", String(repeating: "x", count: 129)])
    func `other ids are refused`(text: String) { #expect(JobID(text) == nil) }

    @Test func `a scheduled check has an id that no portal can send, and that a store can keep`() {
        let ids = JobKind.scheduled.flatMap { kind in Product.allCases.map { JobID.scheduled(kind, of: $0) } }
        #expect(Set(ids).count == 4)
        for id in ids { #expect(JobID(id.description) == nil && JobID.stored(id.description) == id) }
        #expect(JobID.stored("job-1") == JobID("job-1") && JobID.stored("scheduled/sync/workplace") == nil)
    }

    @Test(arguments: [[], [0], [0, 1], [0, 1, 2], [255, 254, 253, 252], Array(0...255)] as [[UInt8]])
    func `base64url encodes and decodes`(bytes: [UInt8]) { #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes) }

    @Test(arguments: ["a", "ab=", "a+b/", "ab\n", "abcde", "AB", "é"])
    func `anything but base64url without padding is refused`(text: String) {
        // "AB" has left-over bits that are not zero.
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func `only a valid trace context is passed on`() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(TraceContext.valid(valid) == valid)
        for text in [
            nil, "", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", valid.uppercased(),
            "00-" + String(repeating: "0", count: 32) + "-b7ad6b7169203331-01", valid + "\r\n",
        ] {
            #expect(TraceContext.valid(text) == nil)
        }
    }

    @Test(arguments: [("api-4711@demo.example", "ap…@demo.example"), ("abc", "…"), ("x@y", "…@y"), ("", "…")])
    func `user names are masked`(name: String, masked: String) { #expect(name.maskedUsername == masked) }
}
