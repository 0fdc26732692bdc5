import Contract

/// What something is sealed for. It does not open for anything else: a row that was moved to another tenant or job stays shut.
struct SealingContext {
    /// What it is, with the version of its format.
    enum Purpose: String {
        case payload = "autotask-worker/payload/1"
        case credentialsKey = "autotask-worker/credentials-key/1"
        case credentials = "autotask-worker/credentials/1"
        case audit = "autotask-worker/audit-details/1"
    }

    /// The purpose and the parts, in a form that no other purpose and parts have.
    let encoded: [UInt8]

    init(_ purpose: Purpose, _ lane: Lane, job: JobID? = nil) {
        var output: [UInt8] = []
        output.reserveCapacity(256)
        output.append(field: purpose.rawValue.utf8)
        output.append(field: lane.tenant.description.utf8)
        output.append(field: lane.product.rawValue.utf8)
        if let job { output.append(field: job.description.utf8) }
        encoded = output
    }
}
