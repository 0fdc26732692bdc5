import ArgumentParser
import Contract

/// A row of ``SettingsTable`` without its type: the name of the environment variable, the default, and the text for README and help.
///
/// The option on the command line is the same name in lower case with dashes (`--amqp-url`). The key in a file is in lower case, in an
/// object named by its first word (`{"amqp": {"url": "…"}}`).
struct Setting: Sendable {
    /// The environment variable.
    let name: String
    /// The value when nothing is set; `nil` if it is then absent, or follows from another setting.
    let defaultValue: String?
    /// The default in README and help.
    let defaultText: String
    /// The placeholder of a value in help: `seconds`.
    let placeholder: String
    /// The meaning, in Markdown: a clause without a full stop.
    fileprivate(set) var meaning = ""
    /// Whether a running worker takes a new value from the settings file (``RunningSettings``). Others need a restart.
    fileprivate(set) var isReloadable = false
    /// The range of the secret in a value; `nil` if there is none.
    let secret: @Sendable (String) -> Range<String.Index>?
    /// The mistake in a value.
    let mistake: @Sendable (Configuration.Entry) -> Failure?

    /// Its option on the command line: `--amqp-url`.
    var option: String { "--" + name.lowercased().split(separator: "_").joined(separator: "-") }

    /// `amqp.url` in a file: the first word is the object, the rest its member.
    var fileKey: [String] { name.lowercased().split(separator: "_", maxSplits: 1).map(String.init) }

    /// Its value in the settings file, which is a string or a number there; `nil` for none.
    func text(in file: JSON) throws(Failure) -> String? {
        var value: JSON? = file
        for name in fileKey { value = value?[name] }
        switch value {
        case nil: return nil
        case .string(let text): return text
        case .number(let text): return text
        default:
            throw Failure(
                .usage,
                "\(fileKey.joined(separator: ".")) (from the file) is neither a string nor a number.",
                hint: "See autotask-worker run --print-config."
            )
        }
    }

    /// Its row in README.
    var documentation: String { "| `\(name)` | \(meaning); \(defaultText) |" }

    /// Its help in ArgumentParser.
    var help: ArgumentHelp {
        let text = "\(meaning.prefix(1).uppercased())\(meaning.dropFirst()). Default: \(defaultText)."
        return ArgumentHelp(text.filter { $0 != "`" }, valueName: placeholder)
    }

    /// The value as it may be shown: `amqp://worker:…@127.0.0.1:5672/`.
    func masked(_ value: String) -> String {
        guard let secret = secret(value) else { return value }
        return value[..<secret.lowerBound] + "…" + value[secret.upperBound...]
    }
}

/// A row of ``SettingsTable``.
///
/// `Mistake` is ``Failure``, or `Never` for a setting that takes any text.
struct TypedSetting<Value: Sendable, Mistake: Error>: Sendable {
    fileprivate(set) var setting: Setting
    let read: @Sendable (Configuration.Entry) -> Result<Value, Mistake>

    /// A setting that always has a value.
    init(_ name: String, _ form: Form<Value, Mistake>, default text: String) {
        self.init(name, form, text, "`\(text)`") { entry in form.result(entry.text ?? text, entry) }
    }

    /// A setting whose value may be absent.
    ///
    /// - Parameters:
    ///   - name: the name of the environment variable.
    ///   - form: the form of a value.
    ///   - words: the default in words, for README and help.
    init<Wrapped>(_ name: String, _ form: Form<Wrapped, Mistake>, unset words: String) where Value == Wrapped? {
        self.init(name, form, nil, words) { entry in
            guard let text = entry.text else { return .success(nil) }
            return form.result(text, entry).map(Optional.some)
        }
    }

    private init<Read>(
        _ name: String,
        _ form: Form<Read, Mistake>,
        _ defaultValue: String?,
        _ defaultText: String,
        _ read: @escaping @Sendable (Configuration.Entry) -> Result<Value, Mistake>
    ) {
        self.read = read
        setting = Setting(
            name: name,
            defaultValue: defaultValue,
            defaultText: defaultText,
            placeholder: form.placeholder,
            secret: form.secret,
            mistake: { entry in
                guard case .failure(let mistake) = read(entry) else { return nil }
                return mistake as? Failure
            }
        )
    }

    /// The same setting, which a running worker takes from the file on request.
    var reloadable: Self {
        var copy = self
        copy.setting.isReloadable = true
        return copy
    }

    func meaning(_ text: String) -> Self {
        var copy = self
        copy.setting.meaning = text
        return copy
    }
}

/// What the rows of ``SettingsTable`` have in common.
protocol SettingRow {
    var setting: Setting { get }
}

extension TypedSetting: SettingRow {}
