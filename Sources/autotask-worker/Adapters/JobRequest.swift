import Contract

/// A job of the command line, written as a portal writes it.
struct JobRequest {
    var id: JobID
    var tenant: TenantID
    var kind: JobKind
    var data: JSONObject
    var expiresIn: Duration?
    var time: Timestamp

    /// The `source` of jobs that come from the command line.
    private static let source = "/autotask-worker/command-line"

    var type: String { kind.type }
    var routingKey: String { "\(kind.rawValue).\(tenant)" }

    /// The CloudEvent in structured mode.
    var body: [UInt8] {
        var envelope: JSONObject = [
            "specversion": "1.0", "id": .string(id.description), "source": .string(JobRequest.source), "type": .string(type),
            "subject": .string(tenant.description), "time": .string(time.description), "datacontenttype": "application/json",
        ]
        if let expiresIn { envelope["expirytime"] = .string((time + expiresIn).description) }
        envelope["data"] = .object(data)
        return JSON.object(envelope).encoded
    }
}
