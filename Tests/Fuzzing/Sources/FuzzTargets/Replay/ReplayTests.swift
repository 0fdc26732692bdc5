import FoundationEssentials
import Testing

@Suite("Inputs that fuzzing kept")
struct ReplayTests {
    /// Inputs that cover everything that fuzzing ever reached, and those that once found a fault.
    private func inputs(of target: FuzzTarget) throws -> [[UInt8]] {
        let folder = "\(Self.folder)/Corpus/\(target.rawValue).base64"
        let corpus = String(decoding: try Data(contentsOf: URL(filePath: folder)), as: UTF8.self).split(separator: "\n")
        let findings = "\(Self.folder)/Findings/\(target.rawValue)"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: findings)) ?? []
        return try corpus.map { Array(try #require(Data(base64Encoded: String($0)))) }
            + names.sorted().map { Array(try Data(contentsOf: URL(filePath: "\(findings)/\($0)"))) }
    }

    private static let folder = #filePath.components(separatedBy: "/Sources/FuzzTargets/")[0]

    @Test(arguments: FuzzTarget.allCases)
    func `every input has the target's properties`(target: FuzzTarget) async throws {
        let inputs = try inputs(of: target)
        #expect(!inputs.isEmpty)
        for input in inputs {
            do { try await target.check(input) } catch {
                Issue.record("\(error): \(Data(input).base64EncodedString())")
            }
        }
    }
}
