import ArgumentParser
import Contract
import Store

/// `tenant …`: what the store knows of tenants.
struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant",
        abstract: "Shows what the store knows of tenants.",
        discussion: "Example: autotask-worker tenant show msp-4711",
        subcommands: [List.self, Show.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists all tenants.",
            discussion: "Example: autotask-worker tenant list --json"
        )
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            let store = try await OpenStore(Settings(settings)).store
            let lanes = try await store.lanes()
            await store.close()
            if json {
                Terminal.line(JSON.array(lanes.map(\.json)))
            } else if lanes.isEmpty {
                Terminal.line("No tenant has sent a job yet.")
            } else {
                for lane in lanes {
                    Terminal.line(
                        "\(lane.lane)  \(lane.connectionText)  \(lane.syncedServices)/\(lane.services) services synced  \(lane.waitingJobs) jobs waiting"
                    )
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one tenant: its connection, services and latest jobs.",
            discussion: "Example: autotask-worker tenant show msp-4711 --json"
        )
        @Argument(help: "The tenant.") var tenant: String
        @Option(help: ArgumentHelp("workplace or fileProtection.", valueName: "name")) var product: String = Product.workplace.rawValue
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            guard let tenant = TenantID(tenant), let product = Product(rawValue: product) else {
                throw Failure(.usage, "That is no tenant, or no product.", hint: "Products are workplace and fileProtection.")
            }
            let store = try await OpenStore(Settings(settings)).store
            let detail = try await store.lane(Lane(tenant: tenant, product: product))
            await store.close()
            guard let detail else {
                throw Failure(
                    .no,
                    "The store knows nothing of \(tenant) and \(product.rawValue).",
                    hint: "See autotask-worker tenant list."
                )
            }
            if json {
                Terminal.line(detail.json)
            } else {
                detail.lines.forEach(Terminal.line)
            }
        }
    }
}

extension LaneOverview {
    fileprivate var connectionText: String { connection?.rawValue ?? "not configured" }

    fileprivate var json: JSON {
        [
            "tenant": .string(lane.tenant.description), "product": .string(lane.product.rawValue), "epoch": JSON(epoch),
            "connection": connection.map { .string($0.rawValue) } ?? .null, "enabled": .bool(isEnabled), "waitingJobs": JSON(waitingJobs),
            "services": JSON(services), "syncedServices": JSON(syncedServices),
        ]
    }
}

extension LaneDetail {
    fileprivate var lines: [String] {
        var lines = [Terminal.styled("\(lane)", .bold) + "  epoch \(state.epoch)" + (state.isEnabled ? "  enabled" : "")]
        if let connection = state.connection {
            lines.append(
                "  connection  \(connection.status.rawValue), \(connection.username), zone \(connection.zone.name), database \(connection.databaseID), since \(connection.establishedAt)"
            )
        } else {
            lines.append("  connection  not configured")
        }
        for binding in state.bindings {
            let remote = binding.autotaskServiceID.map { "#\($0)" } ?? "–"
            lines.append(
                "  service     \(binding.planID)/\(binding.serviceKey)  \(binding.status.rawValue)  \(remote)  \(binding.lastErrorCode?.rawValue ?? "")"
            )
        }
        for job in unfinished {
            let when = job.notBefore.map { ", not before \($0)" } ?? ""
            lines.append("  waiting     \(job.id)  \(job.kind.rawValue)  accepted \(job.acceptedAt), attempts \(job.attempts)\(when)")
        }
        for job in finished { lines.append("  finished    \(job.id)  \(job.event.rawValue)  \(job.finishedAt)") }
        return lines
    }

    fileprivate var json: JSON {
        var object: JSONObject = [
            "tenant": .string(lane.tenant.description), "product": .string(lane.product.rawValue), "epoch": JSON(state.epoch),
            "eligible": .bool(state.isEligible), "enabled": .bool(state.isEnabled),
        ]
        object["connection"] =
            state.connection.map { connection in
                [
                    "status": .string(connection.status.rawValue), "zone": connection.zone.json, "databaseId": JSON(connection.databaseID),
                    "username": .string(connection.username), "capabilities": connection.capabilities.json,
                    "establishedAt": .string(connection.establishedAt.description),
                ]
            } ?? .null
        object["services"] = .array(
            state.bindings.map { binding in
                [
                    "planId": .string(binding.planID), "key": .string(binding.serviceKey), "status": .string(binding.status.rawValue),
                    "autotaskServiceId": binding.autotaskServiceID.map { JSON($0) } ?? .null,
                    "lastSyncedAt": binding.lastSyncedAt.map { .string($0.description) } ?? .null,
                    "lastErrorCode": binding.lastErrorCode.map { .string($0.rawValue) } ?? .null,
                ]
            }
        )
        object["waiting"] = .array(
            unfinished.map { job in
                [
                    "jobId": .string(job.id.description), "kind": .string(job.kind.rawValue),
                    "acceptedAt": .string(job.acceptedAt.description),
                    "attempts": JSON(job.attempts), "interruptions": JSON(job.interruptions),
                    "notBefore": job.notBefore.map { .string($0.description) } ?? .null,
                ]
            }
        )
        object["finished"] = .array(
            finished.map { job in
                [
                    "jobId": .string(job.id.description), "event": .string(job.event.rawValue),
                    "acceptedAt": .string(job.acceptedAt.description), "finishedAt": .string(job.finishedAt.description),
                ]
            }
        )
        return .object(object)
    }
}
