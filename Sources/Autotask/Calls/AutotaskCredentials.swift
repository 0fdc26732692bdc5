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

    /// Copies, for one request's headers. Keep them no longer than that.
    var headerValues: (username: [UInt8], secret: [UInt8], integrationCode: [UInt8]) {
        (Array(username.utf8), secret.withBytes { Array($0) }, integrationCode.withBytes { Array($0) })
    }
}
