import Glibc

/// A process of this machine in words for an operator: its id, its program and, for this program, the command. Arguments are not shown,
/// since they may hold passwords.
package struct ProcessName: Hashable, Sendable, CustomStringConvertible {
    package let id: Int32
    private let command: String?

    package init(_ id: Int32) {
        self.id = id
        let arguments = ProcessName.arguments(of: id)
        guard let program = arguments.first?.split(separator: "/").last else {
            command = nil
            return
        }
        // The words before the first option or file, for example `store backup`.
        let words = arguments.dropFirst().prefix(2).prefix { word in
            program == "autotask-worker" && !word.isEmpty && word.allSatisfy { $0 == "-" || $0.isLowercase } && word.first != "-"
        }
        command = ([String(program)] + words).joined(separator: " ")
    }

    package var description: String { command.map { "process \(id) (\($0))" } ?? "process \(id)" }

    private static func arguments(of id: Int32) -> [String] {
        guard let file = fopen("/proc/\(id)/cmdline", "re") else { return [] }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = fread(&buffer, 1, buffer.count, file)
        return buffer.prefix(count).split(separator: 0, omittingEmptySubsequences: false).map { bytes in
            String(String(decoding: bytes, as: UTF8.self).unicodeScalars.filter { $0.isASCII && $0.value >= 0x20 && $0.value != 0x7F })
        }
    }
}
