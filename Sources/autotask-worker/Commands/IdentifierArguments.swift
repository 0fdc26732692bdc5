import Contract

extension TenantID {
    /// - Throws: ``Failure`` for an invalid tenant.
    init(argument: String) throws {
        guard let tenant = TenantID(argument) else {
            throw Failure(
                .usage,
                "\(argument) is not a tenant's id.",
                hint: "A tenant's id has up to 64 letters, digits, _ and -, and begins with a letter or digit."
            )
        }
        self = tenant
    }
}

extension JobID {
    /// - Throws: ``Failure`` for an invalid id.
    init(argument: String) throws {
        guard let id = JobID(argument) else {
            throw Failure(
                .usage,
                "--id has characters that are not allowed.",
                hint: "An id has up to 128 letters, digits, '.', '_', ':' and '-'."
            )
        }
        self = id
    }
}

extension Product {
    /// - Parameter argument: `nil` means the default product.
    /// - Throws: ``Failure`` for an unknown product.
    init(argument: String?) throws {
        guard let product = argument.map(Product.init(rawValue:)) ?? .workplace else {
            throw Failure(.usage, "\(argument ?? "") is neither workplace nor fileProtection.")
        }
        self = product
    }
}

extension JobKind {
    /// - Throws: ``Failure`` for an unknown kind.
    init(argument: String) throws {
        guard let kind = JobKind(rawValue: argument) else {
            let kinds = JobKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.usage, "\(argument) is not a kind of job.", hint: "Kinds are \(kinds).")
        }
        self = kind
    }
}

extension ErrorCode {
    /// - Throws: ``Failure`` for an unknown code.
    init(argument: String) throws {
        guard let code = ErrorCode(rawValue: argument) else {
            throw Failure(
                .usage,
                "\(argument) is not an error code.",
                hint: "autotask-worker failures --since 30d lists those that occurred."
            )
        }
        self = code
    }
}
