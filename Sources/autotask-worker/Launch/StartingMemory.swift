import FoundationEssentials

/// The memory from which the kernel tells how a process was started: `/proc/PID/cmdline`, which anybody may read, and `/proc/PID/environ`.
///
/// It lies where the kernel put it, whatever becomes of the variables later.
struct StartingMemory {
    struct Unknown: Error, CustomStringConvertible {
        let description = "/proc/self/stat does not tell where command line and environment lie: secrets there stay visible."
    }

    private let arguments: UnsafeMutableRawBufferPointer
    private let environment: UnsafeMutableRawBufferPointer

    /// What takes the place of a secret.
    private static let blank = UInt8(ascii: "*")

    init() throws(Unknown) {
        guard let stat = FileManager.default.contents(atPath: "/proc/self/stat").map({ String(decoding: $0, as: UTF8.self) }),
            // The second field is the program's name in parentheses, which may hold anything; behind it follows field 3.
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
                // The value of the option before it.
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
        // What is no text has no part that could be told to be no secret.
        if let text = String(validating: value, as: UTF8.self) {
            guard let secret = setting.secret(text) else { return }
            last = first + text.utf8.distance(from: text.startIndex, to: secret.upperBound)
            first += text.utf8.distance(from: text.startIndex, to: secret.lowerBound)
        }
        for position in first..<last { value.base[position] = StartingMemory.blank }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// From addresses in decimal; 0 stands for one that is not told.
    fileprivate init?(from start: Substring, to end: Substring) {
        guard let start = UInt(start), let end = UInt(end), start > 0, start <= end,
            let address = UnsafeMutableRawPointer(bitPattern: start)
        else { return nil }
        self.init(start: address, count: Int(end - start))
    }

    /// The texts in it, each of which ends with a zero byte.
    fileprivate var entries: [Slice<UnsafeMutableRawBufferPointer>] { split(separator: 0, omittingEmptySubsequences: false) }
}
