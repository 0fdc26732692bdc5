import Contract
import FoundationEssentials
import Glibc

/// A file that a command was pointed to; `-` is standard input.
struct InputFile {
    let path: String

    func bytes() throws -> [UInt8] {
        if path == "-" { return standardInput() }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.usage, "\(path) cannot be read.", hint: "Check the path and its permissions.")
        }
        return Array(data)
    }

    func object() throws -> JSONObject {
        let bytes = try bytes()
        do {
            if let object = try JSON(parsing: bytes).object { return object }
        } catch {
            throw Failure(.usage, "\(path) is not JSON: \(error).")
        }
        throw Failure(.usage, "\(path) does not hold a JSON object.")
    }

    private func standardInput() -> [UInt8] {
        var bytes: [UInt8] = []
        while let line = readLine(strippingNewline: false) { bytes += Array(line.utf8) }
        return bytes
    }
}
