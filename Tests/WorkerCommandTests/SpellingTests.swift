import Testing

@testable import autotask_worker

/// The name that a person likely meant: of a command, an option or a setting.
struct SpellingTests {
    @Test(
        "A name is close to the one that it misspells",
        arguments: [
            ("lst", "list"), ("shwo", "show"), ("LIST", nil), ("x", nil), ("", nil), ("list", "list"), ("purges", "purge"),
            ("--jsn", "--json"),
        ] as [(String, String?)]
    )
    func closest(name: String, meant: String?) {
        #expect(["list", "show", "purge", "--json"].closest(to: name) == meant)
    }

    @Test("Nothing is close among no names")
    func none() {
        #expect([String]().closest(to: "list") == nil && [""].closest(to: "list") == nil)
    }

    @Test(
        "An unknown command, sub-command or option names the nearest one",
        arguments: [
            (["tenat", "list"], "tenant"), (["tenant", "lst"], "list"), (["tenant", "list", "--jsno"], "--json"),
            (["audit", "list", "--stor-url", "x"], "--store-url"), (["audit", "list", "--tennant=x"], "--tenant"),
            (["dead"], "dead-letters"), (["dead-letters", "ls"], nil), (["tenant", "show", "lst"], nil), (["tenant", "list"], nil),
            (["job", "sync", "--tenant", "lst"], nil), (["run", "--", "--jsno"], nil), ([], nil), (["completely-different"], nil),
        ] as [([String], String?)]
    )
    func words(arguments: [String], meant: String?) {
        #expect(MistypedWord(arguments, among: .ofProgram)?.meant == meant)
    }

    @Test("The suggestion replaces ArgumentParser's own, and no other message changes")
    func message() throws {
        let word = try #require(MistypedWord(["tenant", "lst"], among: .ofProgram))
        #expect(
            word.added(to: "Error: Unexpected argument 'lst'\nUsage: …")
                == "Error: Unexpected argument 'lst'. Did you mean 'list'?\nUsage: …"
        )
        #expect(word.added(to: "Error: Unknown option 'lst'. Did you mean '--x'?") == "Error: Unknown option 'lst'. Did you mean 'list'?")
        #expect(word.added(to: "Error: Missing expected argument") == "Error: Missing expected argument")
    }
}
