package import Vault

/// What an API user proves itself with. It has no description, and its secrets stay in memory that is wiped when it goes.
package final class AutotaskCredentials: Sendable {
    package let username: String
    /// Whether HTTP can carry the values: they hold no CR, LF or NUL, and are more than spaces.
    let fitHeaders: Bool
    private let secret: Secret
    private let integrationCode: Secret

    /// - Parameter integrationCode: the tracking identifier, the tenant's own or the vendor's.
    package init(username: String, secret: consuming Secret, integrationCode: consuming Secret) {
        fitHeaders =
            username.utf8.fitHeader && secret.withBytes { $0.fitHeader } && integrationCode.withBytes { $0.fitHeader }
        self.username = username
        self.secret = secret
        self.integrationCode = integrationCode
    }

    /// Copies, for one request's headers. Keep them no longer than that.
    var headerValues: (username: [UInt8], secret: [UInt8], integrationCode: [UInt8]) {
        (Array(username.utf8), secret.withBytes { Array($0) }, integrationCode.withBytes { Array($0) })
    }
}

extension Collection<UInt8> {
    /// An empty value is sent, and refused by Autotask.
    fileprivate var fitHeader: Bool {
        allSatisfy { $0 != 0x00 && $0 != 0x0A && $0 != 0x0D } && (isEmpty || !allSatisfy { $0 == 0x20 || (0x09...0x0C).contains($0) })
    }
}
