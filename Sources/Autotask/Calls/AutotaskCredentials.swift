package import Vault

/// What an API user proves itself with. It has no description, and its secrets stay in memory that is wiped when it goes.
package final class AutotaskCredentials: Sendable {
    package let username: String
    private let secret: Secret
    private let integrationCode: Secret

    /// - Parameters:
    ///   - secret: any bytes but CR, LF and NUL, which no header can carry: the transport refuses those.
    ///   - integrationCode: the tracking identifier, the tenant's own or the vendor's.
    package init(username: String, secret: consuming Secret, integrationCode: consuming Secret) {
        self.username = username
        self.secret = secret
        self.integrationCode = integrationCode
    }

    var secretBytes: [UInt8] { secret.withBytes { Array($0) } }
    var integrationCodeBytes: [UInt8] { integrationCode.withBytes { Array($0) } }
}
