import EngineSimulation
import StoreConformance
import Testing

struct ModelStoreTests {
    @Test("The model of a store behaves as every store", arguments: Behaviour.all)
    func behaves(_ behaviour: Behaviour) async throws {
        try await behaviour.expect(of: ModelStore(ModelDisk(auditing: .bench)))
    }
}
