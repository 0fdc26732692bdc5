import ArgumentParser
import Contract
import SQLiteStore
import Store

/// What an operator does with one job that waits.
extension JobCommand {
    struct TryNow: OutputCommand {
        static let configuration = CommandConfiguration(
            commandName: "try-now",
            abstract: "Tries a job again at once that waits for its next attempt.",
            discussion: """
                The attempt counts. If the part of Autotask that the job needs does not work, the job is put off again without a call. A job is not \
                tried before the time that Autotask asked for (Retry-After), and not while a pause holds it: end the pause.

                Example: autotask-worker job try-now 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11
                """
        )
        @OptionGroup var job: JobRecordArguments
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let record = try await job.record(settings)
            let outcome = try await PairedStore.using(settings) { store, _ in
                try await store.hasten(record.id, of: record.lane.tenant, by: .caller, at: SystemTime.now)
            }
            switch outcome {
            case .done, .due:
                var result = Outcome(["jobId": record.id, "tenant": record.lane.tenant, "hastened": outcome == .done])
                result.lines = [
                    outcome == .done ? "The job is due now." : "The job waits for no time. See autotask-worker job why \(record.id)."
                ]
                return result
            case .unknown, .ended, .running, .paused, .settling, .limited: throw outcome.failure(of: record)
            }
        }
    }

    struct GiveUp: OutputCommand {
        static let configuration = CommandConfiguration(
            commandName: "give-up",
            abstract: "Ends a job that waits, and keeps it as a dead-lettered job.",
            discussion: """
                It ends as 'job.abandoned' with the code 'given_up' once a worker looks at its integration. A sync that has written ends with the \
                results that it has so far. A redrive enters a copy of it (autotask-worker dead-letters redrive); a connect cannot be redriven.

                Example: autotask-worker job give-up 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11
                """
        )
        @OptionGroup var job: JobRecordArguments
        @OptionGroup var confirmation: Confirmation
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let record = try await job.record(settings)
            switch record.state {
            case .ended: throw WaitingJobOutcome.ended.failure(of: record)
            case .running: throw WaitingJobOutcome.running.failure(of: record)
            case .waiting: break
            }
            let name = "\(record.kind?.rawValue ?? "job") \(record.id) of \(record.lane)"
            var result = Outcome(["jobId": record.id, "tenant": record.lane.tenant, "givenUp": !confirmation.dryRun])
            guard !confirmation.dryRun else {
                result.lines = ["The \(name) would end as a dead-lettered job."]
                return result
            }
            try confirmation.ask("The \(name) ends as a dead-lettered job.")
            let outcome = try await PairedStore.using(settings) { store, _ in
                try await store.giveUp(record.id, of: record.lane.tenant, by: .caller, at: SystemTime.now)
            }
            guard outcome == .done else { throw outcome.failure(of: record) }
            result.lines = ["The \(name) ends once a worker looks at its integration."]
            return result
        }
    }
}

extension WaitingJobOutcome {
    /// Why nothing was changed.
    fileprivate func failure(of record: JobRecord) -> Failure {
        switch self {
        case .running: Failure(.no, "The job \(record.id) runs now.", hint: "Wait for its end: autotask-worker job show \(record.id)")
        case .paused(let pause):
            Failure(.no, "The pause \(pause) holds the job \(record.id).", hint: "To end it: autotask-worker pause end \(pause)")
        case .settling:
            Failure(
                .no,
                "A write of the job \(record.id) has no known outcome, and is looked up when the job is tried again.",
                hint: "See autotask-worker job why \(record.id)."
            )
        case .limited(let database, let moment):
            Failure(
                .no,
                "Autotask limits requests to its database \(database), and asked for no call before \(moment).",
                hint: "The job \(record.id) is tried again after that. See autotask-worker job why \(record.id)."
            )
        case .ended: Failure(.no, "The job \(record.id) has ended.", hint: "See autotask-worker job show \(record.id).")
        case .done, .due, .unknown: Failure(.no, "The store no longer knows the job \(record.id).", hint: "See autotask-worker job list.")
        }
    }
}
