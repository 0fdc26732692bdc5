import ArgumentParser
import Contract
import Engine
import Store

extension JobCommand {
    /// `job why`: why a job waits.
    struct Why: OutputCommand, WatchedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says why a job waits, since when, and until when.",
            discussion: """
                The answer comes from the functions by which a worker decides which job runs next, and from the store. Workers store there which \
                parts of Autotask they hold calls back from: open circuit breakers, limits and quotas. Of a job that has ended, the answer names its \
                event until the broker has confirmed it.

                Example: autotask-worker job why 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11
                """
        )
        @OptionGroup var job: JobRecordArguments
        @OptionGroup var watch: WatchOptions
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> WaitText {
            let record = try await job.record(settings)
            let now = SystemTime.now
            let state = try await OpenStore.using(settings) { store in
                if case .ended(let moment, let event) = record.state {
                    let code = event.event.type.failureCode(in: event.event.data)
                    let unconfirmed = try await store.unconfirmed(event)
                    return WaitText.State.ended(at: moment, event.event.type, code: code, unconfirmed: unconfirmed)
                }
                guard let situation = try await store.situation(of: record.lane, at: now) else { return WaitText.State.waiting(.noWorker) }
                let jobs = try await store.lane(record.lane)?.unfinished.filter { $0.id == record.id } ?? []
                // Without one, it has ended meanwhile: the next call says so.
                return .waiting(situation.reasons(of: jobs, at: now).values.first ?? .manyBefore(situation.backlog))
            }
            return WaitText(lane: record.lane, id: record.id, kind: record.kind, acceptedAt: record.acceptedAt, state: state)
        }
    }
}
