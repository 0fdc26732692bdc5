import Configuration
import Contract
import Engine
import FoundationEssentials
import HTTP
import Logging
import Operations
import Store
import SystemPackage
import Vault

/// The settings in force, each with its origin: command line, environment, file, default, in this order.
struct Settings {
    enum Origin: String {
        case commandLine = "command line"
        case environment
        case file
        case byDefault = "default"
        case unset
    }

    struct Resolved {
        var setting: Setting
        var value: String?
        var origin: Origin
    }

    private let values: [Setting: Resolved]
    /// Names that are no settings, and were likely meant to be.
    let mistyped: [MistypedSetting]

    init(_ options: SettingsOptions) async throws {
        let environment = EnvironmentVariablesProvider(environmentVariables: Launch.current.environment)
        var file: FileProvider<JSONSnapshot>?
        if let path = options.config {
            do { file = try await FileProvider<JSONSnapshot>(filePath: FilePath(path)) } catch {
                throw Failure(
                    .usage,
                    "The settings file \(path) cannot be read.",
                    hint: "It has to be a JSON object, such as {\"amqp\": {\"url\": \"amqp://…\"}}."
                )
            }
        }
        var values: [Setting: Resolved] = [:]
        for setting in Setting.allCases {
            if let value = options.value(of: setting) {
                values[setting] = Resolved(setting: setting, value: value, origin: .commandLine)
            } else if let value = try environment.environmentValue(forName: setting.rawValue), !value.isEmpty {
                values[setting] = Resolved(setting: setting, value: value, origin: .environment)
            } else if let file, let value = ConfigReader(provider: file).string(forKey: ConfigKey(setting.fileKey)) {
                values[setting] = Resolved(setting: setting, value: value, origin: .file)
            } else {
                values[setting] = Resolved(
                    setting: setting,
                    value: setting.defaultValue,
                    origin: setting.defaultValue == nil ? .unset : .byDefault
                )
            }
        }
        self.values = values
        mistyped =
            MistypedSetting.all(inEnvironment: Launch.current.environment.keys)
            + (try options.config.map { try Settings.unknown(in: $0) } ?? [])
    }

    /// Members of a file that are no settings. Only objects are searched further.
    private static func unknown(in path: String) throws -> [MistypedSetting] {
        guard let json = FileManager.default.contents(atPath: path).flatMap({ try? JSON(parsing: Array($0)) }) else { return [] }
        func keys(_ json: JSON, below prefix: String) -> [String] {
            (json.object?.members ?? []).flatMap { member in
                let key = prefix + member.name
                return member.value.object == nil ? [key] : keys(member.value, below: key + ".")
            }
        }
        return MistypedSetting.all(inFile: keys(json, below: ""))
    }

    /// All of them, in the order of their declaration.
    var resolved: [Resolved] { Setting.allCases.compactMap { values[$0] } }

    subscript(setting: Setting) -> String? { values[setting]?.value }

    // MARK: Values with a meaning

    var prefix: String { self[.prefix] ?? "autotask" }

    var jobQueues: [String] { list(.jobQueues) ?? ["\(prefix).jobs"] }

    var amqpURL: String { self[.amqpURL] ?? "" }

    var portalAMQPURL: String { self[.portalAMQPURL] ?? amqpURL }

    var isDevelopment: Bool {
        get throws {
            switch self[.development] {
            case "1": true
            case "0", nil: false
            default: throw invalid(.development, "0 or 1")
            }
        }
    }

    var allowedHosts: Set<String> { Set(list(.autotaskAllowedHosts) ?? []) }

    var autotaskURL: String {
        let url = self[.autotaskURL] ?? ""
        return url.hasSuffix("/") ? url : url + "/"
    }

    /// How Autotask is reached.
    var autotaskTransport: CurlTransport.Configuration {
        get throws {
            var configuration = CurlTransport.Configuration(hosts: HostPolicy(additionalHosts: allowedHosts))
            configuration.proxy = try autotaskProxy
            configuration.certificateAuthorityFile = self[.autotaskCAFile]
            return configuration
        }
    }

    private var autotaskProxy: Proxy? {
        get throws {
            guard let url = self[.autotaskProxy] else { return nil }
            do { return try Proxy(url) } catch {
                throw invalid(
                    .autotaskProxy,
                    "http://host:port or http://user:password@host:port",
                    hint: "\(error.message). Percent-encode what is special in the user and the password."
                )
            }
        }
    }

    /// The file of `STORE_URL`. A relative path is meant in the state directory.
    var storePath: String {
        get throws {
            let url = self[.storeURL] ?? ""
            guard url.hasPrefix("sqlite:"), url.count > "sqlite:".count else {
                throw invalid(.storeURL, "sqlite:PATH", hint: "Other stores come with a later version.")
            }
            return inStateDirectory(String(url.dropFirst("sqlite:".count)))
        }
    }

    /// Whether `run` makes a store where there is none.
    var mayCreateStore: Bool {
        get throws {
            switch self[.storeCreate] {
            case "yes": true
            case "no", nil: false
            default: throw invalid(.storeCreate, "yes or no")
            }
        }
    }

    /// Where to answer what the surroundings ask; `nil` for nowhere.
    var operationsAddress: ListenAddress? {
        get throws {
            guard let text = self[.operationsListen] else { return nil }
            guard let address = ListenAddress(text) else { throw invalid(.operationsListen, "HOST:PORT, such as 127.0.0.1:8080") }
            return address
        }
    }

    /// Where the key ring comes from. A relative path is meant in the state directory.
    var keyRingSource: any KeyRingSource {
        get throws {
            switch try keyRingLocation {
            case .file(let path): KeyRingFile(path: inStateDirectory(path))
            case .environment(let name): EnvironmentKeyRing(name: name)
            case .credential(let name): KeyRingFile(path: try credentialsDirectory + "/" + name)
            }
        }
    }

    /// The key ring as a file that can be written.
    var keyRingFile: KeyRingFile {
        get throws {
            guard case .file(let path) = try keyRingLocation else {
                throw Failure(
                    .usage,
                    "The key ring comes from \(self[.vaultKeys] ?? ""), which this command cannot write.",
                    hint: "Run it on a file with --vault-keys PATH, and put that file's text where the key ring comes from."
                )
            }
            return KeyRingFile(path: inStateDirectory(path))
        }
    }

    var keyRing: KeyRing { get async throws { try await Settings.load(keyRingSource) } }

    /// A vault that follows the key ring where it comes from.
    var vault: Vault {
        get async throws {
            let source = try keyRingSource
            return Vault(try await Settings.load(source), source: source)
        }
    }

    private static func load(_ source: any KeyRingSource) async throws -> KeyRing {
        do { return try await source.load() } catch {
            throw Failure(.unavailable, error.message, hint: "See VAULT_KEYS in autotask-worker run --print-config.")
        }
    }

    private var keyRingLocation: KeyRingLocation {
        get throws {
            guard let location = self[.vaultKeys].flatMap(KeyRingLocation.init) else {
                throw invalid(.vaultKeys, "a path, env:NAME or credential:NAME")
            }
            return location
        }
    }

    /// Where systemd puts what `LoadCredential=` names.
    private var credentialsDirectory: String {
        get throws {
            guard let directory = Launch.current.environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty else {
                throw Failure(
                    .unavailable,
                    "VAULT_KEYS names a credential of systemd, and systemd has handed none to this process.",
                    hint: "Add LoadCredential= to the unit, or set VAULT_KEYS to a path."
                )
            }
            return directory
        }
    }

    var log: Logger.Level {
        get throws {
            guard let level = self[.logLevel].flatMap(Logger.Level.init(rawValue:)) else {
                throw invalid(.logLevel, "a log level, such as info")
            }
            return level
        }
    }

    var engine: EngineSettings {
        get throws {
            let isDevelopment = try isDevelopment
            return EngineSettings(
                trustedPublishers: isDevelopment ? nil : try trustedPublishers,
                acceptsClearCredentials: isDevelopment,
                accessCutoff: try accessCutoff,
                settleTime: try seconds(.settleSeconds),
                concurrentLanes: try count(.concurrentLanes),
                backlogLimit: try count(.backlogLimit),
                laneBacklogLimit: try count(.laneBacklogLimit),
                billingCodesLifetime: try seconds(.billingCodesSeconds),
                quotaShare: try quotaShare,
                interactiveTime: try seconds(.interactiveSeconds),
                retention: try retention,
                retry: RetryPolicy(
                    base: try seconds(.retrySeconds),
                    maximumAttempts: try count(.retryAttempts),
                    maximumAge: try seconds(.retryHours) * 3600
                ),
                brake: Brake(stops: try acknowledgedWarnings, priceChangePercent: try count(.priceChangePercent)),
                previewLifetime: try seconds(.previewSeconds),
                verifyInterval: try interval(.verifyIntervalHours),
                driftInterval: try interval(.driftIntervalHours),
                eventLimit: try eventLimit
            )
        }
    }

    private var retention: Retention {
        get throws {
            Retention(audit: .seconds(try count(.auditDays) * 86_400), history: .seconds(try count(.historyDays, atLeast: 0) * 86_400))
        }
    }

    var trustedPublishers: TrustedPublishers {
        get throws {
            do { return try TrustedPublishers(list(.trustedPublishers) ?? []) } catch {
                throw invalid(
                    .trustedPublishers,
                    "a list of publishers: \(error)",
                    hint: "It looks like portal,reseller-acme=acme-*: broker users, and with = the tenants that one is limited to."
                )
            }
        }
    }

    private var acknowledgedWarnings: Set<Warning.Code> {
        get throws {
            let names = list(.acknowledgeWarnings) ?? []
            if names == ["none"] { return [] }
            let codes = names.compactMap { name in Warning.Code.stopping.first { $0.rawValue == name } }
            guard codes.count == names.count else {
                let known = Warning.Code.stopping.map(\.rawValue).sorted().joined(separator: ", ")
                throw invalid(.acknowledgeWarnings, "none, or a list of warnings", hint: "These can stop a sync: \(known).")
            }
            return Set(codes)
        }
    }

    /// A page with one service does not fit below this limit.
    var eventLimit: EventLimit {
        get throws { EventLimit(bytes: try count(.eventLimitBytes, atLeast: EventLimit.smallest)) }
    }

    private var quotaShare: Int {
        get throws {
            let share = try count(.quotaShare)
            guard share <= 100 else { throw invalid(.quotaShare, "a percentage, from 1 to 100") }
            return share
        }
    }

    private var accessCutoff: Timestamp? {
        get throws {
            guard let text = self[.accessCutoff], text != "none" else { return nil }
            guard let moment = Timestamp(text) else { throw invalid(.accessCutoff, "a date-time of RFC 3339, or none") }
            return moment
        }
    }

    /// How long finishing may take, from SIGTERM to the end of the process.
    var shutdownTime: Duration { get throws { try seconds(.shutdownSeconds) } }

    /// What is wrong with settings of a given form, one by one.
    var mistakes: [Failure] {
        let readings: [() throws -> Void] = [
            { _ = try isDevelopment }, { _ = try storePath }, { _ = try mayCreateStore }, { _ = try keyRingLocation },
            { _ = try operationsAddress }, { _ = try log },
            { _ = try accessCutoff }, { _ = try acknowledgedWarnings }, { _ = try autotaskProxy }, { _ = try trustedPublishers },
            { _ = try quotaShare }, { _ = try retention }, { _ = try eventLimit },
        ]
        let durations = [Setting.settleSeconds, .previewSeconds, .billingCodesSeconds, .retrySeconds, .retryHours, .shutdownSeconds]
        let counts = [Setting.concurrentLanes, .priceChangePercent, .backlogLimit, .laneBacklogLimit, .retryAttempts]
        let intervals = [Setting.verifyIntervalHours, .driftIntervalHours]
        let all =
            readings + durations.map { setting in { _ = try seconds(setting) } } + counts.map { setting in { _ = try count(setting) } }
            + intervals.map { setting in { _ = try interval(setting) } }
        return mistyped.map(\.failure)
            + all.compactMap { read in
                do { try read() } catch { return error as? Failure }
                return nil
            }
    }

    // MARK: Forms

    private func list(_ setting: Setting) -> [String]? {
        self[setting]?.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty }
    }

    private func seconds(_ setting: Setting) throws -> Duration {
        guard let value = self[setting].flatMap(Double.init), value >= 0, value < 1e9 else { throw invalid(setting, "a number of seconds") }
        return .milliseconds(Int64(value * 1000))
    }

    /// Hours, or parts of one, between two of something; `nil` for 0, which switches it off.
    private func interval(_ setting: Setting) throws -> Duration? {
        guard let hours = self[setting].flatMap(Double.init), hours >= 0, hours <= 8784 else {
            throw invalid(setting, "a number of hours up to 8784, a year, or 0 for never")
        }
        return hours == 0 ? nil : .milliseconds(max(1000, Int64(hours * 3_600_000)))
    }

    private func count(_ setting: Setting, atLeast least: Int = 1) throws -> Int {
        guard let value = self[setting].flatMap(Int.init), value >= least else {
            throw invalid(setting, least > 0 ? "a positive whole number" : "a whole number from \(least) on")
        }
        return value
    }

    private func invalid(_ setting: Setting, _ form: String, hint: String? = nil) -> Failure {
        let origin = values[setting]?.origin.rawValue ?? ""
        return Failure(
            .usage,
            "\(setting.rawValue) (from the \(origin)) is not \(form).",
            hint: hint ?? "See autotask-worker run --print-config."
        )
    }

    private func inStateDirectory(_ path: String) -> String {
        path.hasPrefix("/") || path.hasPrefix("./") || path.hasPrefix("../") ? path : Settings.stateDirectory + "/" + path
    }

    /// `$STATE_DIRECTORY` (systemd), else the user's own state directory by the XDG base directory specification.
    private static var stateDirectory: String {
        let environment = Launch.current.environment
        if let directory = environment["STATE_DIRECTORY"], !directory.isEmpty { return directory }
        if let directory = environment["XDG_STATE_HOME"], !directory.isEmpty { return directory + "/autotask-worker" }
        return (environment["HOME"] ?? ".") + "/.local/state/autotask-worker"
    }
}

extension Setting {
    /// `AMQP_URL` is `amqp.url` in a file: the first word is the object, the rest its member.
    var fileKey: [String] { rawValue.lowercased().split(separator: "_", maxSplits: 1).map(String.init) }
}

extension Substring {
    fileprivate var trimmed: String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
