import FoundationEssentials

/// The memory behind `/proc/PID/cmdline`, which everybody may read, and `/proc/PID/environ`.
///
/// The kernel has chosen its place; later changes of variables do not affect it.
struct StartingMemory {
    struct Unknown: Error, CustomStringConvertible {
        let description = "/proc/self/stat does not show the addresses of command line and environment: secrets in them stay visible."
    }

    private let arguments: UnsafeMutableRawBufferPointer
    private let environment: UnsafeMutableRawBufferPointer

    /// The byte that replaces each byte of a secret.
    private static let blank = UInt8(ascii: "*")

    init() throws(Unknown) {
        guard let stat = FileManager.default.contents(atPath: "/proc/self/stat").map({ String(decoding: $0, as: UTF8.self) }),
            // The second field is the program's name in parentheses, which may hold any character. Field 3 follows it.
            let end = stat.lastIndex(of: ")")
        else { throw Unknown() }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        // Fields 48 to 51 of proc(5): arg_start, arg_end, env_start, env_end.
        guard fields.count > 48, let arguments = UnsafeMutableRawBufferPointer(from: fields[45], to: fields[46]),
            let environment = UnsafeMutableRawBufferPointer(from: fields[47], to: fields[48])
        else { throw Unknown() }
        self.arguments = arguments
        self.environment = environment
    }

    /// Overwrites every setting's secret.
    func eraseSecrets() {
        for entry in environment.entries {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            erase(in: entry[(equals + 1)...], of: String(decoding: entry[..<equals], as: UTF8.self)) { $0.name }
        }
        var option: String?
        for entry in arguments.entries {
            if let before = option {
                // The value of the previous option.
                erase(in: entry, of: before) { $0.option }
            }
            let equals = entry.firstIndex(of: UInt8(ascii: "="))
            option = String(decoding: entry[..<(equals ?? entry.endIndex)], as: UTF8.self)
            guard let equals else { continue }
            erase(in: entry[(equals + 1)...], of: option ?? "") { $0.option }
            option = nil
        }
    }

    private func erase(in value: Slice<UnsafeMutableRawBufferPointer>, of name: String, by nameOf: (Setting) -> String) {
        guard let setting = SettingsTable.all.first(where: { nameOf($0) == name }) else { return }
        var (first, last) = (value.startIndex, value.endIndex)
        // In a value that is not UTF-8, the secret cannot be located: all of it is erased.
        if let text = String(validating: value, as: UTF8.self) {
            guard let secret = setting.secret(text) else { return }
            last = first + text.utf8.distance(from: text.startIndex, to: secret.upperBound)
            first += text.utf8.distance(from: text.startIndex, to: secret.lowerBound)
        }
        for position in first..<last { value.base[position] = StartingMemory.blank }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Makes a buffer from decimal addresses. The kernel shows 0 for a hidden one.
    fileprivate init?(from start: Substring, to end: Substring) {
        guard let start = UInt(start), let end = UInt(end), start > 0, start <= end,
            let address = UnsafeMutableRawPointer(bitPattern: start)
        else { return nil }
        self.init(start: address, count: Int(end - start))
    }

    /// The texts in it, each ended by a zero byte.
    fileprivate var entries: [Slice<UnsafeMutableRawBufferPointer>] { split(separator: 0, omittingEmptySubsequences: false) }
}
