import Contract
import Foundation
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

@Suite("Figures of a store")
struct StoreFigureTests {
    private let directory: TemporaryDirectory
    private let path: String
    private let now = Timestamp.start + .seconds(5)

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
    }

    /// A reader whose times do not end during a test, however busy the machine is.
    private func reader() -> StoreFigureReader { StoreFigureReader(path: path, patience: .seconds(600), lifetime: .seconds(600)) }

    private func filled() async throws -> SQLiteStore {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        let items: [IntakeItem] = [
            .job("sync-1", plan: "p"), .job("reset-1", .two, .reset), .job("sync-2", .two, plan: "p"), .refusal("bad-1"),
        ]
        _ = try await store.accept(items, by: .one, at: .start, conflict: { _ in preconditionFailure() })
        return store
    }

    @Test func `jobs, lanes, events and letters are counted`() async throws {
        let store = try await filled()
        let figures = try #require(await reader().figures(at: now))
        #expect(figures.jobs == StoreFigures.Jobs(unfinished: 3, running: 0, retrying: 0, paused: 0, oldest: .start))
        #expect(figures.lanes == StoreFigures.Lanes(idle: 0, inLine: 2, waiting: 0, held: 0, setAside: 0))
        #expect(figures.outbox?.count == 1 && figures.outbox?.oldest == .start)
        #expect(figures.deadLetters == ["job_invalid": 1])
        #expect(figures.connections == [:] && figures.services == [:] && figures.openWrites?.count == 0)
        #expect(figures.fileBytes > 0 && figures.freeBytes ?? 0 > 0)
        await store.close()
    }

    @Test func `the last copy of the store is known, and so is that there is none`() async throws {
        let store = try await filled()
        #expect(await reader().figures(at: now)?.lastBackup == Timestamp(millisecondsSinceEpoch: 0))
        try await store.note(.rotated(to: ["key"]), by: .systemUser(7), at: now)
        #expect(await reader().figures(at: now)?.lastBackup == Timestamp(millisecondsSinceEpoch: 0))
        for moment in [now, now + .seconds(60)] {
            try await store.note(.backedUp(to: "copy", lanes: 2, unfinishedJobs: 3), by: .systemUser(7), at: moment)
        }
        #expect(await reader().figures(at: now)?.lastBackup == now + .seconds(60))
        await store.close()
    }

    @Test func `a store that is closed after its reader leaves no log behind`() async throws {
        let store = try await filled()
        let reader = self.reader()
        #expect(await reader.figures(at: now) != nil)
        reader.close()
        #expect(await reader.figures(at: now) == nil)
        await store.close()
        #expect(!FileManager.default.fileExists(atPath: path + "-wal") && !FileManager.default.fileExists(atPath: path + "-shm"))
    }

    @Test func `a reading is repeated no earlier than its lifetime`() async throws {
        let store = try await filled()
        let reader = self.reader()
        let first = await reader.figures(at: now)
        _ = try await store.accept([.job("sync-3", plan: "q")], by: .one, at: .start, conflict: { _ in preconditionFailure() })
        #expect(await reader.figures(at: now) == first)
        #expect(await self.reader().figures(at: now)?.jobs?.ready == 4)
        await store.close()
    }

    @Test func `a count for which there is no time is left out, and files are measured all the same`() async throws {
        let store = try await filled()
        let figures = try #require(await StoreFigureReader(path: path, patience: .zero).figures(at: now))
        #expect(figures.jobs == nil && figures.lanes == nil && figures.services == nil)
        #expect(figures.fileBytes > 0)
        await store.close()
    }

    @Test func `a store that is not there has no figures, and none is made`() async {
        #expect(await reader().figures(at: now) == nil)
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
