import Contract
import Engine
import Store

/// A row of `tenant list`.
extension LaneOverview: ListElement {
    static let columns: [Table.Column] = [
        .init("TENANT", "tenant", .id), .init("PRODUCT", "product"), .init(nil, "epoch", .number), .init("CONNECTION", nil, .words),
        .init(nil, "connection"), .init(nil, "heldUpBy"), .init(nil, "lastCode"), .init(nil, "enabled"),
        .init("SERVICES", "services", .number), .init("SYNCED", "syncedServices", .number), .init("WAITING", "waitingJobs", .number),
    ]

    var row: Table.Row {
        Table.Row(cells: [
            .text(lane.tenant.description, .bold), .text(lane.product.rawValue), .number(epoch), .text(connectionText, connectionStyle),
            .init(connection?.rawValue), .init(heldUpBy), .init(lastCode), .init(isEnabled), .init(services), .init(syncedServices),
            .init(waitingJobs),
        ])
    }

    private var connectionText: String {
        let trouble =
            heldUpBy.map { $0 == ErrorCode.held.rawValue ? ", paused" : ", calls fail (\($0))" } ?? lastCode.map { ", last job: \($0)" }
        return (connection?.rawValue ?? "not configured") + (trouble ?? "")
    }

    private var connectionStyle: Terminal.Style? {
        switch connection {
        case nil: .dim
        case .connected: heldUpBy == nil ? .success : .warning
        default: .error
        }
    }

    var json: JSON {
        .members([
            "tenant": lane.tenant, "product": lane.product, "epoch": epoch, "connection": connection, "enabled": isEnabled,
            "waitingJobs": waitingJobs, "services": services, "syncedServices": syncedServices, "heldUpBy": heldUpBy,
            "lastCode": lastCode,
        ])
    }
}

/// The details of an integration, for support.
struct LaneReport: CommandOutput {
    let detail: LaneDetail
    /// Why each unfinished job waits, by its place.
    let reasons: [Int64: WaitReason]

    var lines: [String] { detail.head + detail.unfinished.map(line) + detail.finished.map(\.line) }
    var json: JSON { detail.json(waiting: detail.unfinished.map { $0.json(reasons[$0.order]) }) }

    private func line(_ job: QueuedJob) -> String {
        let facts = "accepted \(Terminal.time(job.acceptedAt)), \(job.attempts.of("attempt")), \(job.apiCalls.of("call"))"
        let reason = reasons[job.order].map { "\n              " + $0.text } ?? ""
        return "  waiting     \(job.id)  \(job.kind.rawValue)  \(facts)\(reason)"
    }
}

extension LaneDetail {
    fileprivate var head: [String] {
        [Terminal.styled("\(lane)", .bold) + "  epoch \(state.epoch)" + (state.isEnabled ? "  enabled" : "")] + connectionLines
            + services.flatMap(\.lines)
    }

    /// The services as events report them: an update with an unknown outcome is an error until it is settled (`Rules` L28).
    private var services: [ServiceBinding] {
        state.bindings.map { binding in
            let isOpen = state.openWrites.contains { write in
                write.planID == binding.planID && write.serviceKey == binding.serviceKey && write.operation == .update
                    && write.state == .sent
            }
            guard isOpen else { return binding }
            var binding = binding
            binding.status = .error
            binding.lastErrorCode = .outcomeUnknown
            return binding
        }
    }

    private var connectionLines: [String] {
        var lines: [String] = []
        if let connection = state.connection {
            lines.append(
                "  connection  \(connection.status.rawValue), \(connection.username), zone \(connection.zone.name), database \(connection.databaseID), since \(Terminal.time(connection.establishedAt))"
            )
            lines += ErrorText.lines(of: connection.lossError)
            lines.append("  API user    \(connection.capabilities.text)")
        } else {
            lines.append("  connection  not configured")
        }
        if let refused = standingRefusals.last {
            lines.append("  refused     credentials, at \(Terminal.time(refused.at))")
            lines += ErrorText.lines(of: JobError(refused.code))
        }
        if !state.openWrites.isEmpty {
            lines.append("  writes      \(state.openWrites.count) unresolved: the next sync looks them up")
        }
        return lines
    }

    /// Refusals since the last successful connection. Only the worker uses earlier ones.
    private var standingRefusals: [RefusedCredentials] {
        guard let connection = state.connection, connection.status == .connected else { return state.refusedCredentials }
        return state.refusedCredentials.filter { $0.at > connection.establishedAt }
    }

    fileprivate func json(waiting: [JSON]) -> JSON {
        .members([
            "tenant": lane.tenant, "product": lane.product, "epoch": state.epoch, "eligible": state.isEligible, "enabled": state.isEnabled,
            "connection": state.connection?.shown,
            "credentialsRefused": standingRefusals.map { JSON.members(["at": $0.at, "error": JobError($0.code)]) },
            "openWrites": state.openWrites.count, "services": services.map(\.json), "waiting": waiting,
            "finished": finished.map(\.json),
        ])
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
            case nil: "it is not known before the first sync whether it sees costs"
            }
        return (allowed.isEmpty ? "may do nothing with services" : "may \(allowed) services") + "; \(costs)"
    }
}

extension ConnectionRecord {
    fileprivate var shown: JSON {
        .members([
            "status": status, "error": lossError, "zone": zone, "databaseId": databaseID, "username": username,
            "capabilities": capabilities, "establishedAt": establishedAt,
        ])
    }
}

extension ServiceBinding {
    fileprivate var lines: [String] {
        let remote = autotaskServiceID.map { "#\($0)" } ?? "–"
        let synced = lastSyncedAt.map { "synced \(Terminal.time($0))" } ?? "never synced"
        return ["  service     \(planID)/\(serviceKey)  \(status.rawValue)  \(remote)  \(synced)"]
            + ErrorText.lines(of: lastErrorCode.map { JobError($0) })
    }

    fileprivate var json: JSON {
        .members([
            "planId": planID, "key": serviceKey, "status": status, "autotaskServiceId": autotaskServiceID, "lastSyncedAt": lastSyncedAt,
            "lastErrorCode": lastErrorCode, "lastError": lastErrorCode.map { JobError($0) },
        ])
    }
}

extension QueuedJob {
    fileprivate func json(_ reason: WaitReason?) -> JSON {
        .members([
            "jobId": id, "kind": kind, "acceptedAt": acceptedAt, "attempts": attempts, "interruptions": interruptions,
            "apiCalls": apiCalls, "notBefore": notBefore, "reason": reason?.word, "text": reason?.text,
        ])
    }
}

extension LaneDetail.Finished {
    fileprivate var line: String {
        let code = code.map { "  " + Terminal.styled($0, .error) } ?? ""
        return
            "  ended       \(id)  \(kind?.rawValue ?? "refused")  \(event.rawValue)\(code)  \(Terminal.time(finishedAt)), \(apiCalls.of("call"))"
    }

    fileprivate var json: JSON {
        .members([
            "jobId": id, "kind": kind, "event": event, "code": code, "acceptedAt": acceptedAt, "finishedAt": finishedAt,
            "apiCalls": apiCalls,
        ])
    }
}
