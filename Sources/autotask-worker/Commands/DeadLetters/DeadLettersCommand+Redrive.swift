import ArgumentParser
import Contract
import Engine
import SQLiteStore
import Store
import Vault

extension DeadLettersCommand {
    struct Redrive: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enters copies of jobs that the worker gave up on.",
            discussion: """
                A copy has its own id, derived from the old one, which its events name as 'redriveof'. It counts as accepted now: it waits behind
                the tenant's other jobs, and can be superseded like any job. A dead letter is redriven only once, even if the command is
                repeated. Exit code 1 means that some dead letters cannot be redriven.

                With --background, a running worker does it, also after a restart: see 'autotask-worker operation'.

                A job that the broker gave up on, and that 'collect' has kept, is entered under its own id. A connect that the worker gave up on, or a
                message that it refused, cannot be redriven: the portal publishes it again, under a new id.

                Example: autotask-worker dead-letters redrive --fingerprint 5d4bbd9d2ba70a39 --rate 5
                """
        )
        @OptionGroup var choice: LetterChoice
        @Option(help: ArgumentHelp("Enter at most this many copies a second.", valueName: "count")) var rate: Double = 10
        @Flag(help: "Show what would be done, and change nothing.") var dryRun = false
        @OptionGroup var background: BackgroundOptions
        @OptionGroup var progress: ProgressOptions
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let selection = try choice.selection()
            // A longer pause than that of the lowest rate may have no number.
            guard rate >= 0.001, rate.isFinite else { throw Failure(.usage, "The rate is a number from 0.001.") }
            if background.background, !dryRun {
                return try await PairedStore.using(settings) { store, _ in
                    try await BackgroundOrder(.redrive, of: try await store.reach(of: selection), rate: rate).begun(in: store)
                }
            }
            let lines = try await PairedStore.using(settings) { store, vault in
                let office = DeadLetterOffice(store: store, vault: vault)
                let clock = ContinuousClock()
                var next = clock.now
                var lines: [RedriveLine] = []
                var count = 0
                try await store.forEachLetter(selection) { _ in count += 1 }
                let progress = progress.progress("dead letters", of: count)
                try await store.forEachLetter(selection) { letter in
                    let outcome: RedriveOutcome
                    if dryRun {
                        outcome = try await office.preview(letter)
                    } else {
                        if letter.obstacle == nil {
                            try await clock.sleep(until: next)
                            next = max(next, clock.now - .seconds(1 / rate)) + .seconds(1 / rate)
                        }
                        outcome = try await office.redrive(letter, by: .caller, at: SystemTime.now)
                    }
                    let line = RedriveLine(letter: letter, outcome: outcome, isDryRun: dryRun)
                    lines.append(line)
                    progress.clear()
                    output.progress(line.text)
                    progress.update(lines.count)
                }
                progress.clear()
                return lines
            }
            return outcome(lines, missing: (selection.ids ?? []).subtracting(lines.map(\.letter.id)).sorted())
        }

        private func outcome(_ lines: [RedriveLine], missing: [Int64]) -> Outcome {
            let entered = lines.count { $0.outcome == .entered }
            let refused = lines.count(where: \.isRefused)
            let before = lines.count - entered - refused
            var outcome = Outcome(
                [
                    "dryRun": dryRun, "entered": entered, "before": before, "refused": refused, "missing": missing,
                    "letters": lines.map(\.json),
                ],
                failure: refused == 0 && missing.isEmpty ? nil : ExitCode.no
            )
            outcome.lines =
                missing.map { "\($0)  There is no such dead letter." }
                + ["\(entered) \(dryRun ? "would be entered" : "entered"), \(before) entered before, \(refused) cannot be redriven."]
            return outcome
        }
    }
}

extension KeptLetter {
    /// Whether its job was never accepted; such a job is entered under its own id.
    fileprivate var isOfMessage: Bool { if case .message = letter.content { true } else { false } }
}

/// The outcome for one dead letter.
private struct RedriveLine {
    let letter: KeptLetter
    let outcome: RedriveOutcome
    let isDryRun: Bool

    var isRefused: Bool {
        switch outcome {
        case .entered, .before: false
        case .refused, .idTaken, .gone: true
        }
    }

    private var copy: JobID? {
        switch outcome {
        case .entered: letter.isOfMessage ? letter.letter.jobID : letter.letter.jobID?.redriven
        case .before(let copy): copy.id
        case .refused, .idTaken, .gone: nil
        }
    }

    private var message: String {
        switch outcome {
        case .entered: isDryRun ? "It would be entered." : "It is entered."
        case .before(let copy): "It was entered before, at \(copy.at)."
        case .refused(let obstacle): obstacle.message
        case .idTaken: RedriveOutcome.idTakenMessage
        case .gone: "It was deleted meanwhile."
        }
    }

    private var name: String {
        switch outcome {
        case .entered: isDryRun ? "redrivable" : "entered"
        case .before: "before"
        case .refused(let obstacle): obstacle.rawValue
        case .idTaken: "id_taken"
        case .gone: "gone"
        }
    }

    var text: String {
        let job = letter.letter.jobID.map { "\($0)" } ?? "–"
        return "\(letter.id)  \(letter.letter.tenant?.description ?? "–")  \(job)" + (copy.map { " → \($0)" } ?? "") + "  \(message)"
    }

    var json: JSON {
        .members([
            "id": letter.id, "outcome": name, "tenant": letter.letter.tenant, "jobId": letter.letter.jobID, "redrivenAs": copy,
            "message": message,
        ])
    }
}

extension DeadLetterOffice {
    /// The outcome that a redrive would have.
    fileprivate func preview(_ letter: KeptLetter) async throws -> RedriveOutcome {
        if let copy = letter.copy { return .before(copy) }
        switch try await copy(of: letter) {
        case .success: return .entered
        case .failure(let obstacle): return .refused(obstacle)
        }
    }
}
