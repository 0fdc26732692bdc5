import ArgumentParser
import Contract
import Glibc
import Store

/// `audit …`: the log of requests, and of writes to Autotask.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Shows the audit log, verifies it, and writes it to a file.",
        discussion: """
            Every attempt at a job, every write to Autotask and every operator's command has its row. A code under the key ring's identity key
            chains each row to the previous one, so that a changed, added or removed row is detected. Names and prices are sealed under the
            tenant's own key: a reset makes them unreadable, and the log still verifies.

            Example: autotask-worker audit list --tenant msp-4711
            """,
        subcommands: [List.self, Verify.self, Export.self]
    )
}

extension Progress {
    /// Notes that a page of the log is done.
    func update(_ page: AuditPage) {
        let (done, total) = page.progress
        update(done, of: total)
    }
}

extension AuditActor {
    /// The user who runs this command.
    static var caller: AuditActor { .systemUser(getuid()) }
}

/// The selection of rows.
struct AuditFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only rows of this tenant.", valueName: "id"), completion: OfferedNames.tenants) var tenant: String?
    @Option(
        help: ArgumentHelp("Only rows of this product: workplace or fileProtection.", valueName: "name"),
        completion: OfferedNames.products
    )
    var product: String?
    @Option(help: ArgumentHelp("Only rows of this job.", valueName: "id"), completion: OfferedNames.jobs) var job: String?
    @Option(help: ArgumentHelp("Only rows from this moment on.", valueName: "date-time")) var since: String?

    var selection: AuditSelection {
        get throws {
            AuditSelection(
                tenant: try known(tenant, "tenant") { TenantID($0) },
                product: try known(product, "product", hint: "Products are workplace and fileProtection.") { Product(rawValue: $0) },
                jobID: try known(job, "job id") { JobID($0) },
                since: try known(since, "date-time of RFC 3339", hint: "Write it as 2026-11-01T00:00:00Z.") { Timestamp($0) }
            )
        }
    }

    private func known<Value>(_ text: String?, _ what: String, hint: String? = nil, _ parse: (String) -> Value?) throws -> Value? {
        guard let text else { return nil }
        guard let value = parse(text) else { throw Failure(.usage, "\(text) is not a \(what).", hint: hint) }
        return value
    }
}
