import Testing
import Vault

struct SecretTests {
    @Test("A secret lends the bytes that it was made of")
    func lending() {
        let secret = Secret(copying: Array(#"é:;%"\"#.utf8))
        #expect(secret.withBytes { Array($0.reversed()) } == Array(#"é:;%"\"#.utf8.reversed()))
    }

    @Test("A secret may be empty")
    func empty() {
        let secret = Secret(copying: [])
        #expect(secret.withBytes { $0.isEmpty })
    }

    @Test("What somebody keeps of a loan is not harmed by its wiping, and neither is the secret")
    func keeping() {
        let secret = Secret(copying: [1, 2, 3, 4])
        #expect(secret.withBytes { $0 } == [1, 2, 3, 4])
        #expect(secret.withBytes { $0 } == [1, 2, 3, 4])
    }

    @Test("What the loan throws comes out")
    func throwing() {
        struct Refusal: Error {}
        let secret = Secret(copying: [1])
        #expect(throws: Refusal.self) { try secret.withBytes { _ in throw Refusal() } }
    }
}
