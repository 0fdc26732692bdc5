import HTTP
package import Secrets

/// The credentials in the calls to one tenant's Autotask. They have no description, and the memory of their secrets is wiped when they are
/// released.
package struct AutotaskCredentials: Sendable {
    private let credentials: Credentials
    private let integrationCode: SecretReference

    /// - Parameter vendorCode: the vendor's tracking identifier, for a tenant without its own.
    package init(_ credentials: Credentials, vendorCode: SecretReference) {
        self.credentials = credentials
        integrationCode = credentials.integrationCode ?? vendorCode
    }

    package var username: String { credentials.username }

    /// The values that, like the user name, must not appear in any message.
    var secrets: [SecretReference] { [credentials.secret, integrationCode] }

    /// The headers with which Autotask authenticates a call.
    var headers: [HTTPHeader] {
        [
            HTTPHeader("UserName", username), HTTPHeader("Secret", credentials.secret),
            HTTPHeader("ApiIntegrationCode", integrationCode),
        ]
    }

    /// Whether HTTP can carry the values: they have no CR, LF or NUL, and are not blank.
    var fitHeaders: Bool { headers.allSatisfy(\.canBeSent) }
}
