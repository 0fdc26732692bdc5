import SQLiteStore
import StoreConformance
import Testing

struct ConformanceTests {
    @Test("A store on SQLite behaves like every store", arguments: Behaviour.all)
    func behaves(_ behaviour: Behaviour) async throws {
        let directory = try TemporaryDirectory()
        try await behaviour.expect(of: try await SQLiteStore(path: directory.path("store.sqlite"), auditing: .bench))
    }
}
