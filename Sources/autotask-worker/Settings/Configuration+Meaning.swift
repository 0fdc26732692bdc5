import Contract
import Engine
import HTTP
import Store
import Vault

/// Values that follow from several settings, or from the process's environment.
extension Configuration {
    var jobQueues: [String] { self[dynamicMember: \.jobQueues] ?? ["\(self.prefix).jobs"] }

    var portalAMQPURL: String { self[dynamicMember: \.portalAMQPURL] ?? self.amqpURL }

    var allowedHosts: Set<String> { Set(self.autotaskAllowedHosts ?? []) }

    /// The transport for calls to Autotask.
    var autotaskTransport: CurlTransport.Configuration {
        get throws(Failure) {
            var configuration = CurlTransport.Configuration(hosts: HostPolicy(additionalHosts: allowedHosts))
            configuration.proxy = try self.autotaskProxy
            configuration.certificateAuthorityFile = self.autotaskCAFile
            return configuration
        }
    }

    /// The file of `STORE_URL`. A relative path is relative to the state directory.
    var storePath: String { get throws(Failure) { inStateDirectory(try self.storeURL) } }

    var engine: EngineSettings {
        get throws(Failure) {
            EngineSettings(
                trustedPublishers: try self.development ? nil : try self.trustedPublishers,
                acceptsClearCredentials: try self.development,
                accessCutoff: try self.accessCutoff,
                settleTime: try self.settleSeconds,
                concurrentLanes: try self.concurrentLanes,
                backlogLimit: try self.backlogLimit,
                laneBacklogLimit: try self.laneBacklogLimit,
                billingCodesLifetime: try self.billingCodesSeconds,
                quotaShare: try self.quotaShare,
                interactiveTime: try self.interactiveSeconds,
                retention: Retention(audit: try self.auditDays, history: try self.historyDays),
                retry: RetryPolicy(base: try self.retrySeconds, maximumAttempts: try self.retryAttempts, maximumAge: try self.retryHours),
                brake: Brake(stops: try self.acknowledgeWarnings, priceChangePercent: try self.priceChangePercent),
                previewLifetime: try self.previewSeconds,
                verifyInterval: try self.verifyIntervalHours,
                driftInterval: try self.driftIntervalHours,
                eventLimit: try eventLimit,
                exchangePrefix: self.prefix
            )
        }
    }

    /// The largest event. The smallest limit holds a page with one service.
    var eventLimit: EventLimit { get throws(Failure) { EventLimit(bytes: try self.eventLimitBytes) } }

    // MARK: Key ring

    /// The source of the key ring. A relative path is relative to the state directory.
    var keyRingSource: any KeyRingSource {
        get throws(Failure) {
            switch try self.vaultKeys {
            case .file(let path): KeyRingFile(path: inStateDirectory(path))
            case .environment(let name): EnvironmentKeyRing(name: name)
            case .credential(let name): KeyRingFile(path: try credentialsDirectory + "/" + name)
            }
        }
    }

    /// The key ring as a writable file.
    var keyRingFile: KeyRingFile {
        get throws(Failure) {
            guard case .file(let path) = try self.vaultKeys else {
                throw Failure(
                    .usage,
                    "The key ring comes from \(entry(\.vaultKeys).text ?? ""), which this command cannot write.",
                    hint: "Run it on a file with --vault-keys PATH, and copy that file's text to the place that the key ring comes from."
                )
            }
            return KeyRingFile(path: inStateDirectory(path))
        }
    }

    var keyRing: KeyRing { get async throws(Failure) { try await Configuration.load(keyRingSource) } }

    /// A vault that follows changes of the key ring.
    var vault: Vault {
        get async throws(Failure) {
            let source = try keyRingSource
            return Vault(try await Configuration.load(source), source: source)
        }
    }

    private static func load(_ source: any KeyRingSource) async throws(Failure) -> KeyRing {
        do { return try await source.load() } catch {
            throw Failure(.unavailable, error.message, hint: "See VAULT_KEYS in autotask-worker run --print-config.")
        }
    }

    // MARK: Directories

    /// The directory for the credentials of systemd's `LoadCredential=`.
    private var credentialsDirectory: String {
        get throws(Failure) {
            guard let directory = variable("CREDENTIALS_DIRECTORY") else {
                throw Failure(
                    .unavailable,
                    "VAULT_KEYS names a systemd credential, but systemd has passed none to this process.",
                    hint: "Add LoadCredential= to the unit, or set VAULT_KEYS to a path."
                )
            }
            return directory
        }
    }

    private func inStateDirectory(_ path: String) -> String {
        path.hasPrefix("/") || path.hasPrefix("./") || path.hasPrefix("../") ? path : stateDirectory + "/" + path
    }

    /// `$STATE_DIRECTORY` (systemd), else the user's own state directory by the XDG base directory specification.
    private var stateDirectory: String {
        variable("STATE_DIRECTORY") ?? (variable("XDG_STATE_HOME") ?? (environment["HOME"] ?? ".") + "/.local/state") + "/autotask-worker"
    }

    private func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
}
