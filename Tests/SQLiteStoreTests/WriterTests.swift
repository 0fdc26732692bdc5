import Contract
import Dispatch
import GRDB
import Store
import StoreConformance
import Synchronization
import Testing

@testable import SQLiteStore

/// Operations that share a transaction fail independently.
@Suite(.timeLimit(.minutes(1)))
struct WriterTests {
    private let directory: TemporaryDirectory
    private let writer: Writer

    init() throws {
        directory = try TemporaryDirectory()
        writer = try Writer(try StoreFile.open(directory.path("store.sqlite"), mustExist: false), chain: .bench)
    }

    @Test("Only the failing operation fails, whatever it did before", arguments: Guilt.allCases)
    func guilt(_ guilt: Guilt) async throws {
        let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
            for index in 0..<60 {
                group.addTask {
                    do throws(StoreError) {
                        try await writer.write { transaction in
                            guard index % 3 == 0 else { return try letter(index, in: transaction) }
                            if guilt != .fencedBeforehand { try letter(index, in: transaction) }
                            if guilt == .brokenStatement { try transaction.connection.run("SELECT nothing FROM nowhere") }
                            throw StoreError(.fenced, "as the test has it")
                        }
                        return (index, true)
                    } catch {
                        #expect(error.code == (guilt == .brokenStatement ? .unexpected : .fenced))
                        return (index, false)
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for index in 0..<60 { #expect(outcomes[index] == (index % 3 != 0)) }
        let written = try await writer.write { try $0.connection.all("SELECT size FROM dead_letters ORDER BY size") { $0.count(0) } }
        #expect(written == (0..<60).filter { $0 % 3 != 0 })
        writer.stop()
        await writer.waitUntilStopped()
    }

    enum Guilt: CaseIterable {
        case fencedBeforehand, fencedAfterwards, brokenStatement
    }

    @Test("A renewal precedes all waiting operations")
    func turns() async throws {
        let order = Order()
        let busy = blockThread(order)
        // The thread continues in any case.
        do {
            defer { order.gate.signal() }
            try await ask(.chore, "chore", order, count: 1)
            try await ask(.work, "work", order, count: 2)
            try await ask(.lease, "lease", order, count: 3)
        }
        await busy.value
        try await waitUntil("three operations are done") { order.names.count >= 3 }
        // A chore that has waited long precedes work.
        #expect(order.names.first == "lease" && Set(order.names) == ["lease", "work", "chore"])
        writer.stop()
        await writer.waitUntilStopped()
    }

    /// Keeps the writer's thread busy until the gate opens.
    private func blockThread(_ order: Order) -> Task<Void, Never> {
        let writer = writer
        return Task { try? await writer.write { _ in order.gate.wait() } }
    }

    /// Requests an operation, and returns when `count` of them wait.
    private func ask(_ turn: Writer.Turn, _ name: String, _ order: Order, count: Int) async throws {
        let writer = writer
        Task {
            try await writer.write(turn) { _ in
                order.note(name)
            }
        }
        try await waitUntil("\(count) operations wait") { writer.waiting >= count }
    }

    @Test("The stack depth of a call to the observer does not grow with earlier transactions")
    func observers() async throws {
        _ = try await writer.write { try $0.join(.one, in: nil, until: .start + .seconds(3600), at: .start) }
        let rows = UnreadableRows()
        let stacks = Mutex<[String: [UInt]]>([:])
        // The depth of the stack.
        let note: @Sendable (String) -> Void = { name in
            var here = 0
            withUnsafeMutablePointer(to: &here) { here in stacks.withLock { $0[name, default: []].append(UInt(bitPattern: here)) } }
        }
        writer.observeEvents { _ in note("event") }
        rows.observe { _ in note("row") }
        for index in 0..<100 {
            try await writer.write { transaction in
                _ = try transaction.accept([.refusal("job-\(index)")], by: .one, at: .start) { _ in preconditionFailure() }
            }
        }
        // All calls are on one thread.
        for index in 0..<100 { rows.report([SetAside("job \(index)", because: "of a test")]) }
        let depths = stacks.withLock { $0 }
        #expect(depths.mapValues(\.count) == ["event": 100, "row": 100])
        #expect(depths.mapValues { Set($0).count } == ["event": 1, "row": 1])
        writer.stop()
        await writer.waitUntilStopped()
    }

    @Test("Operations requested before the end are done, and later ones are refused")
    func stopping() async throws {
        let before = try await writer.write { _ in 1 }
        writer.stop()
        await writer.waitUntilStopped()
        let error = await #expect(throws: StoreError.self) { try await writer.write { _ in 2 } }
        #expect(before == 1 && error?.code == .unavailable)
    }
}

private func letter(_ index: Int, in transaction: Transaction) throws {
    try transaction.connection.run(
        "INSERT INTO dead_letters (at, reason, fingerprint, size) VALUES (0, '', '', ?)",
        index
    )
}

/// The writer's operations, in order.
private final class Order: Sendable {
    let gate = DispatchSemaphore(value: 0)
    private let noted = Mutex<[String]>([])

    var names: [String] { noted.withLock { $0 } }

    func note(_ name: String) { noted.withLock { $0.append(name) } }
}
