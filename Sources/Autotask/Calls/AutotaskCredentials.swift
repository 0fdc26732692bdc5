import HTTP
package import Secrets

/// What the calls to one tenant's Autotask carry. It has no description, and its secrets stay in memory that is wiped when it goes.
package struct AutotaskCredentials: Sendable {
    private let credentials: Credentials
    private let integrationCode: SecretReference

    /// - Parameter vendorCode: the vendor's tracking identifier, for a tenant that brings none of its own.
    package init(_ credentials: Credentials, vendorCode: SecretReference) {
        self.credentials = credentials
        integrationCode = credentials.integrationCode ?? vendorCode
    }

    package var username: String { credentials.username }

    /// What must not be told again, beside the user name.
    var secrets: [SecretReference] { [credentials.secret, integrationCode] }

    /// The headers that Autotask authenticates by.
    var headers: [HTTPHeader] {
        [
            HTTPHeader("UserName", username), HTTPHeader("Secret", credentials.secret),
            HTTPHeader("ApiIntegrationCode", integrationCode),
        ]
    }

    /// Whether HTTP can carry the values: they hold no CR, LF or NUL, and are more than spaces.
    var fitHeaders: Bool { headers.allSatisfy(\.canBeSent) }
}
