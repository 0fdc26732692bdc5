import EngineSimulation
import StoreConformance
import Testing

struct ModelStoreTests {
    @Test("The model store behaves like every store", arguments: Behaviour.all)
    func behaves(_ behaviour: Behaviour) async throws {
        try await behaviour.expect(of: ModelStore(ModelDisk(auditing: .bench)))
    }
}
