import Contract
import Engine
import Store

/// A line of `tenant list`.
extension LaneOverview {
    var connectionText: String { (connection?.rawValue ?? "not configured") + (heldUpBy.map { ", calls fail (\($0))" } ?? "") }

    var json: JSON {
        [
            "tenant": .string(lane.tenant.description), "product": .string(lane.product.rawValue), "epoch": JSON(epoch),
            "connection": connection.map { .string($0.rawValue) } ?? .null, "enabled": .bool(isEnabled), "waitingJobs": JSON(waitingJobs),
            "services": JSON(services), "syncedServices": JSON(syncedServices), "heldUpBy": heldUpBy.map { .string($0) } ?? .null,
        ]
    }
}

/// An integration as support needs to know it.
extension LaneDetail {
    var lines: [String] {
        [Terminal.styled("\(lane)", .bold) + "  epoch \(state.epoch)" + (state.isEnabled ? "  enabled" : "")] + connectionLines
            + state.bindings.flatMap(\.lines) + jobLines
    }

    private var connectionLines: [String] {
        var lines: [String] = []
        if let connection = state.connection {
            lines.append(
                "  connection  \(connection.status.rawValue), \(connection.username), zone \(connection.zone.name), database \(connection.databaseID), since \(connection.establishedAt)"
            )
            lines += ErrorText.lines(of: connection.lossError)
            lines.append("  API user    \(connection.capabilities.text)")
        } else {
            lines.append("  connection  not configured")
        }
        if let refused = standingRefusals.last {
            lines.append("  refused     credentials, at \(refused.at)")
            lines += ErrorText.lines(of: JobError(refused.code))
        }
        if !state.openWrites.isEmpty {
            lines.append("  writes      \(state.openWrites.count) of which it is not known what became of them: the next sync finds out")
        }
        return lines
    }

    /// Refusals since the last successful connection: only the worker uses the others.
    private var standingRefusals: [RefusedCredentials] {
        guard let connection = state.connection, connection.status == .connected else { return state.refusedCredentials }
        return state.refusedCredentials.filter { $0.at > connection.establishedAt }
    }

    private var jobLines: [String] {
        unfinished.map { job in
            let when = job.notBefore.map { ", not before \($0)" } ?? ""
            return
                "  waiting     \(job.id)  \(job.kind.rawValue)  accepted \(job.acceptedAt), \(job.attempts.of("attempt")), \(job.apiCalls.of("call"))\(when)"
        }
            + finished.map { job in
                let code = job.code.map { "  " + Terminal.styled($0, .error) } ?? ""
                return
                    "  ended       \(job.id)  \(job.kind?.rawValue ?? "refused")  \(job.event.rawValue)\(code)  \(job.finishedAt), \(job.apiCalls.of("call"))"
            }
    }

    var json: JSON {
        [
            "tenant": .string(lane.tenant.description), "product": .string(lane.product.rawValue), "epoch": JSON(state.epoch),
            "eligible": .bool(state.isEligible), "enabled": .bool(state.isEnabled), "connection": state.connection?.shown ?? .null,
            "credentialsRefused": .array(
                standingRefusals.map { ["at": .string($0.at.description), "error": JobError($0.code).json] }
            ),
            "openWrites": JSON(state.openWrites.count), "services": .array(state.bindings.map(\.json)),
            "waiting": .array(unfinished.map(\.json)), "finished": .array(finished.map(\.json)),
        ]
    }
}

extension ErrorText {
    fileprivate static func lines(of error: JobError?) -> [String] {
        (error.map { ErrorText(error: $0.json).lines } ?? []).map { "              " + $0 }
    }
}

extension Capabilities {
    /// What the API user may do.
    fileprivate var text: String {
        let verbs = [(canQueryServices, "query"), (canCreateServices, "create"), (canUpdateServices, "update")]
        let allowed = verbs.filter(\.0).map(\.1).joined(separator: ", ")
        let costs =
            switch costVisible {
            case true?: "sees costs"
            case false?: "does not see costs"
            case nil: "may or may not see costs, which the first sync finds out"
            }
        return (allowed.isEmpty ? "may do nothing with services" : "may \(allowed) services") + "; \(costs)"
    }
}

extension ConnectionRecord {
    fileprivate var shown: JSON {
        [
            "status": .string(status.rawValue), "error": lossError?.json ?? .null, "zone": zone.json, "databaseId": JSON(databaseID),
            "username": .string(username), "capabilities": capabilities.json, "establishedAt": .string(establishedAt.description),
        ]
    }
}

extension ServiceBinding {
    fileprivate var lines: [String] {
        let remote = autotaskServiceID.map { "#\($0)" } ?? "–"
        let synced = lastSyncedAt.map { "synced \($0)" } ?? "never synced"
        return ["  service     \(planID)/\(serviceKey)  \(status.rawValue)  \(remote)  \(synced)"]
            + ErrorText.lines(of: lastErrorCode.map { JobError($0) })
    }

    fileprivate var json: JSON {
        [
            "planId": .string(planID), "key": .string(serviceKey), "status": .string(status.rawValue),
            "autotaskServiceId": autotaskServiceID.map { JSON($0) } ?? .null,
            "lastSyncedAt": lastSyncedAt.map { .string($0.description) } ?? .null,
            "lastErrorCode": lastErrorCode.map { .string($0.rawValue) } ?? .null,
            "lastError": lastErrorCode.map { JobError($0).json } ?? .null,
        ]
    }
}

extension QueuedJob {
    fileprivate var json: JSON {
        [
            "jobId": .string(id.description), "kind": .string(kind.rawValue), "acceptedAt": .string(acceptedAt.description),
            "attempts": JSON(attempts), "interruptions": JSON(interruptions), "apiCalls": JSON(apiCalls),
            "notBefore": notBefore.map { .string($0.description) } ?? .null,
        ]
    }
}

extension LaneDetail.Finished {
    fileprivate var json: JSON {
        [
            "jobId": .string(id.description), "kind": kind.map { .string($0.rawValue) } ?? .null, "event": .string(event.rawValue),
            "code": code.map { .string($0) } ?? .null, "acceptedAt": .string(acceptedAt.description),
            "finishedAt": .string(finishedAt.description), "apiCalls": JSON(apiCalls),
        ]
    }
}
