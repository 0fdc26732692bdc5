import Testing

@testable import Contract

@Suite("Ids of redriven jobs")
struct RedriveTests {
    @Test func `a copy's id is the old id with a number that rises from copy to copy`() throws {
        let first = try #require(JobID("job-1")).redriven
        #expect(first == JobID("job-1:redrive-1"))
        #expect(first.redriven == JobID("job-1:redrive-2"))
        #expect(try #require(JobID("job-1:redrive-9")).redriven == JobID("job-1:redrive-10"))
    }

    @Test(arguments: [":redrive-", ":redrive-x", "a:redrive-0", "a:redrive-99999999999999999999", ":redrive-1", "a:redrive--1"])
    func `any id leads to a different, valid id for its copy`(_ text: String) throws {
        let old = try #require(JobID(text))
        #expect(old.redriven != old && JobID(old.redriven.description) != nil)
    }

    @Test func `ids of maximum length lead to different valid ids`() throws {
        let long = String(repeating: "x", count: 127)
        let ids = try ["a", "b"].map { try #require(JobID(long + $0)) }
        var copies: Set<String> = []
        for id in ids {
            var copy = id
            for _ in 1...12 {
                copy = copy.redriven
                #expect(copy.description.utf8.count <= 128)
                #expect(copies.insert(copy.description).inserted)
            }
        }
        let (first, again) = (ids[0].redriven, ids[0].redriven)
        #expect(first == again)
    }

    @Test func `a short hash is the same in every version, and separates its parts`() {
        // FNV-1a of 01 "a" FF.
        #expect(ShortHash(["a"]).description == fnv1a([1, 0x61, 0xFF]))
        #expect(
            Set([ShortHash(["ab", "c"]), ShortHash(["a", "bc"]), ShortHash(["abc"]), ShortHash([nil, "abc"]), ShortHash(["", "abc"])]).count
                == 5
        )
        #expect(ShortHash([]).description == "cbf29ce484222325")
    }

    private func fnv1a(_ bytes: [UInt8]) -> String {
        let hash = bytes.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
