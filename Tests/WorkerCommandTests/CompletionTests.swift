import Testing

@testable import autotask_worker

/// Completions: what a shell offers for a word.
struct CompletionTests {
    @Test(
        "The value of an option is its next word, or what follows its equals sign",
        arguments: [
            (["autotask-worker", "x", "--tenant", "msp-1"], "msp-1"), (["x", "--tenant=msp-2"], "msp-2"), (["x", "--tenant"], nil),
            (["x", "--tenant", "'msp-3'"], "msp-3"), (["x", "--tenants", "y"], nil), ([], nil),
        ] as [([String], String?)]
    )
    func values(words: [String], value: String?) {
        #expect(CommandWords(words, completing: words.count).value(of: "--tenant") == value)
    }

    @Test("The word that is completed is no value")
    func completedWord() {
        #expect(CommandWords(["x", "--tenant", "msp"], completing: 2).value(of: "--tenant") == nil)
    }

    @Test("The settings of the line count")
    func settings() async throws {
        let settings = try await CommandWords(["x", "--store-url", "sqlite:/a/b", "--tenant", ""], completing: 4).settings([:])
        #expect(try settings.storePath == "/a/b")
    }

    @Test("Work within its time has a result, and work beyond it none")
    func deadline() async {
        #expect(await Deadline.value(within: .seconds(3600)) { 1 } == 1)
        let endless = await Deadline.value(within: .zero) {
            try? await Task.sleep(for: .seconds(3600))
            return 1
        }
        #expect(endless == nil)
    }
}
