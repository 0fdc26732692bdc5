import ArgumentParser
import Contract
import Store

/// The job that `job show` and `sync show` show.
struct JobRecordArguments: ParsableArguments {
    @Argument(help: "The job's id.", completion: OfferedNames.jobs) var id: String
    @Option(
        help: ArgumentHelp("The job's tenant; needed if several tenants have a job with this id.", valueName: "tenant"),
        completion: OfferedNames.tenants
    )
    var tenant: String?

    func record(_ settings: Configuration) async throws -> JobRecord {
        guard let id = JobID(id) else {
            throw Failure(.usage, "That is not a job's id.", hint: "An id has up to 128 letters, digits, '.', '_', ':' and '-'.")
        }
        let tenant = try tenant.map { try TenantID(argument: $0) }
        let records = try await OpenStore.using(settings) { try await $0.jobs(named: id, of: tenant) }
        guard let record = records.first else {
            throw Failure(
                .no,
                "The store knows no job \(id)\(tenant.map { " of \($0)" } ?? "").",
                hint: "Ids are remembered for 400 days. See autotask-worker job list."
            )
        }
        guard records.count == 1 else {
            let tenants = records.map(\.lane.tenant.description).joined(separator: ", ")
            throw Failure(.no, "Several tenants have a job \(id): \(tenants).", hint: "Name one with --tenant.")
        }
        return record
    }
}
