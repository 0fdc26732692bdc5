import EngineSimulation
import Foundation
import Synchronization
import Testing

/// `SIMULATION_SEEDS=1000000` runs that many seeds; `SIMULATION_SEED=4711` starts with that seed, and without the other runs only it.
@Suite("The engine under faults, by seed")
struct SimulationTests {
    @Test func `a seed reproduces its run`() {
        let first = Simulation.run(seed: 4711)
        #expect(Simulation.run(seed: 4711).timeline == first.timeline)
        #expect(first.jobs > 0)
        #expect(!first.isInMemory())
    }

    @Test func `no seed breaks an invariant`() async {
        let seeds = Seeds.ofThisRun
        let (faults, checks, superseded, refused, begun) = await withTaskGroup(of: SeedRun.self) { group in
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
                group.addTask { await onThread { run(seeds) } }
            }
            var faults: [Fault: Int] = [:]
            var (checks, superseded, refused, begun) = (0, 0, 0, 0)
            for await run in group {
                faults.merge(run.faults, uniquingKeysWith: +)
                checks += run.checks
                superseded += run.superseded
                refused += run.refused
                begun += run.begunOnArrival
                for violation in run.violations { Issue.record(Comment(rawValue: violation)) }
            }
            return (faults, checks, superseded, refused, begun)
        }
        // Without these, a run without violations would prove nothing. A lane is full in about one of a hundred seeds.
        guard seeds.count >= 1000 else { return }
        for fault in Fault.allCases { #expect(faults[fault, default: 0] > 0, "\(fault.rawValue) never happened") }
        #expect(checks > 0, "no scheduled check ran")
        #expect(superseded > 0, "no job was superseded")
        #expect(refused > 0, "no lane was ever full")
        #expect(begun > 0, "no job began in the transaction that accepted it")
        let told = Fault.allCases.map { "\($0.rawValue) \(faults[$0, default: 0])" }
        print(
            "\(seeds.count) seeds, \(begun) jobs begun on arrival, \(checks) checks, \(superseded) superseded, "
                + "\(refused) refused by full lanes: "
                + told.joined(separator: ", ")
        )
    }
}

/// The results of the seeds that one thread has run.
private struct SeedRun: Sendable {
    var faults: [Fault: Int] = [:]
    var checks = 0
    var superseded = 0
    var refused = 0
    var begunOnArrival = 0
    var violations: [String] = []
}

/// Runs seeds until none is left, or one breaks an invariant.
private func run(_ seeds: Seeds) -> SeedRun {
    var run = SeedRun()
    while let seed = seeds.next() {
        let outcome = Simulation.run(seed: seed)
        run.faults.merge(outcome.faults, uniquingKeysWith: +)
        run.checks += outcome.checks
        run.superseded += outcome.superseded
        run.refused += outcome.refusedByFullLanes
        run.begunOnArrival += outcome.begunOnArrival
        guard !outcome.violations.isEmpty else { continue }
        seeds.stop()
        run.violations.append("Seed \(seed): \(outcome.violations.joined(separator: " "))\n\(outcome.timeline)")
    }
    return run
}

/// Runs a long computation on its own thread: Swift's own threads are for the other tests.
private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        let thread = Thread { continuation.resume(returning: body()) }
        thread.stackSize = 8 << 20
        thread.start()
    }
}

/// The seeds of a run, handed out one by one.
private final class Seeds: Sendable {
    let count: UInt64
    private let remaining: Mutex<Range<UInt64>>

    static var ofThisRun: Seeds {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["SIMULATION_SEED"].flatMap(UInt64.init)
        let count = environment["SIMULATION_SEEDS"].flatMap(UInt64.init) ?? (first == nil ? 2000 : 1)
        return Seeds((first ?? 1)..<(first ?? 1) + count)
    }

    private init(_ seeds: Range<UInt64>) {
        count = UInt64(seeds.count)
        remaining = Mutex(seeds)
    }

    func next() -> UInt64? { remaining.withLock { $0.popFirst() } }

    func stop() { remaining.withLock { $0 = $0.upperBound..<$0.upperBound } }
}
