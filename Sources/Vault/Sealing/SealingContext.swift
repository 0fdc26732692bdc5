import Contract

/// The context for which data is sealed. Data does not open in another context, such as a row that was moved to another tenant or job.
struct SealingContext {
    /// The kind of data, with the version of its format.
    enum Purpose: String {
        case payload = "autotask-worker/payload/1"
        case credentialsKey = "autotask-worker/credentials-key/1"
        case credentials = "autotask-worker/credentials/1"
        case audit = "autotask-worker/audit-details/1"
    }

    /// The purpose and the parts, in a form that is unique to them.
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
