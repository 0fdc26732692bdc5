/// The broker's address, and settings of connections to it. No description shows the password.
package struct AMQPConfiguration: Sendable {
    package var host: String
    package var port: Int
    package var virtualHost: String
    package var userName: String
    package var password: Password
    /// Whether the connection is encrypted (`amqps`): TLS 1.2 or later, with verified certificate and host name.
    package var usesTLS: Bool
    /// A PEM file with the certificate authorities to trust; `nil` for the system's.
    package var certificateAuthorityFile: String?
    /// The host that the certificate has to name if it is not ``host``, for a broker behind a tunnel.
    package var certifiedName: String?

    /// The name that RabbitMQ's management pages and logs show.
    package var connectionName = "autotask-worker"
    /// The heartbeat interval in seconds. A peer without a heartbeat for twice as long counts as dead.
    package var heartbeat = 5
    /// The time limit for name look-up, TCP connection and TLS handshake.
    package var connectTimeout: Duration = .seconds(5)
    /// The time limit for AMQP's handshake, and for each answer of the broker to a method.
    package var replyTimeout: Duration = .seconds(5)

    /// A password, or another value that a log must not show.
    package struct Password: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
        let value: String
        package init(_ value: String) { self.value = value }
        package var description: String { "***" }
        package var debugDescription: String { "***" }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// Reads `amqp://user:password@host:port/vhost` or `amqps://…`.
    ///
    /// Every part but the host is optional. The defaults are `guest`, `guest`, 5672 or 5671, and `/`. User, password and virtual host are
    /// percent-decoded. In RabbitMQ's URI specification, `amqp://host/` names the virtual host "". Here, as in most clients and in the
    /// contract's default URL, it means `/`.
    ///
    /// - Throws: ``AMQPError/Code/invalidConfiguration``, which says what is wrong without the URL.
    package init(url: String, certificateAuthorityFile: String? = nil) throws(AMQPError) {
        guard let scheme = url.firstRange(of: "://") else { throw Self.invalid("it does not begin with amqp:// or amqps://") }
        switch url[..<scheme.lowerBound].lowercased() {
        case "amqp": usesTLS = false
        case "amqps": usesTLS = true
        default: throw Self.invalid("it does not begin with amqp:// or amqps://")
        }
        var rest = url[scheme.upperBound...]
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else {
            throw Self.invalid("it has a query or a fragment; percent-encode ? and # in a password as %3F and %23")
        }

        var virtualHost = "/"
        if let slash = rest.firstIndex(of: "/") {
            let path = rest[rest.index(after: slash)...]
            guard !path.contains("/") else { throw Self.invalid("the virtual host holds a /; percent-encode it as %2F") }
            if !path.isEmpty { virtualHost = try Self.decode(path, "virtual host") }
            rest = rest[..<slash]
        }
        self.virtualHost = virtualHost

        var userName = "guest"
        var password = "guest"
        if let at = rest.lastIndex(of: "@") {
            let credentials = rest[..<at]
            guard !credentials.contains("@") else { throw Self.invalid("there are two @; percent-encode the one in the password as %40") }
            let parts = credentials.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            userName = try Self.decode(parts[0], "user name")
            if parts.count == 2 { password = try Self.decode(parts[1], "password") }
            rest = rest[rest.index(after: at)...]
        }
        self.userName = userName
        self.password = Password(password)

        let (host, port) = try Self.split(rest)
        self.host = host
        self.port = port ?? (usesTLS ? 5671 : 5672)
        self.certificateAuthorityFile = certificateAuthorityFile
    }

    /// `host`, `host:port`, `[::1]` or `[::1]:port`.
    private static func split(_ authority: Substring) throws(AMQPError) -> (host: String, port: Int?) {
        var host = authority
        var portText: Substring?
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw invalid("the IPv6 address has no closing ]") }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let after = authority[authority.index(after: end)...]
            guard after.isEmpty || after.first == ":" else { throw invalid("something other than a port follows the host") }
            portText = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            portText = authority[authority.index(after: colon)...]
        }
        guard !host.isEmpty else { throw invalid("it names no host") }
        guard let portText else { return (String(host), nil) }
        guard let port = Int(portText), (1...65535).contains(port) else { throw invalid("the port is not a number from 1 to 65535") }
        return (String(host), port)
    }

    private static func decode(_ text: Substring, _ part: String) throws(AMQPError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst()?.hexDigit, let low = rest.popFirst()?.hexDigit else {
                    throw invalid("a % in the \(part) is not followed by two hexadecimal digits; write a % itself as %25")
                }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw invalid("the \(part) is not UTF-8") }
        // librabbitmq takes C strings.
        guard !bytes.contains(0) else { throw invalid("the \(part) holds a zero byte") }
        return decoded
    }

    private static func invalid(_ reason: String) -> AMQPError {
        AMQPError(
            .invalidConfiguration,
            "The AMQP URL cannot be read: \(reason). Its form is amqp://user:password@host:5672/vhost."
        )
    }
}

extension AMQPConfiguration: CustomStringConvertible {
    /// Scheme, user, host, port and virtual host, for logs.
    package var description: String {
        "\(usesTLS ? "amqps" : "amqp")://\(userName)@\(host):\(port) (virtual host \(virtualHost))"
    }
}

extension UInt8 {
    fileprivate var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
