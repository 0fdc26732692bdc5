import Contract
import Glibc
import Store

/// An export, or another file that names a place in the log.
struct AuditFile {
    let path: String

    /// Verifies an export.
    ///
    /// - Parameters:
    ///   - chain: computes the codes of its rows.
    ///   - number: the number of a row to return too.
    /// - Returns: the report, and that row.
    func verify(with chain: AuditChain, lookingFor number: Int64?) throws -> (AuditReport, AuditRow?) {
        var verification: AuditVerification?
        var (anchor, head): (AuditMark?, AuditMark?) = (nil, nil)
        var wanted: AuditRow?
        try forEachLine { line, json in
            if let mark = AuditMark(json) {
                if mark.end == .head { head = mark } else { anchor = mark }
                return
            }
            guard let row = AuditRow(json) else {
                throw Failure(.no, "Line \(line) of \(path) is not a row of an audit log: it was changed.")
            }
            if row.number == number { wanted = row }
            var current = verification ?? AuditVerification(chain, from: anchor)
            current.take(row)
            verification = current
        }
        var all = verification ?? AuditVerification(chain, from: anchor)
        let fault = all.end(at: head)
        return (AuditReport(fault: fault, count: all.count, head: head, anchor: anchor), wanted)
    }

    /// The last place that the file names.
    func reference() throws -> AuditPlace {
        var place: AuditPlace?
        try forEachLine { _, json in place = AuditPlace(json["head"] ?? json) ?? place }
        guard let place else {
            throw Failure(
                .usage,
                "\(path) names no row of an audit log.",
                hint: "Name an export, or a file with the output of 'audit verify --json'."
            )
        }
        return place
    }

    private func forEachLine(_ body: (_ line: Int, JSON) throws -> Void) throws {
        guard let file = fopen(path, "re") else {
            throw unreadable
        }
        var buffer: UnsafeMutablePointer<CChar>?
        defer {
            free(buffer)
            fclose(file)
        }
        var capacity = 0
        var number = 0
        while case let count = getline(&buffer, &capacity, file), count > 0, let start = buffer {
            number += 1
            let bytes = Array(UnsafeRawBufferPointer(start: start, count: count))
            guard let json = try? JSON(parsing: bytes) else {
                if bytes.starts(with: AuditFile.databaseStart) {
                    throw Failure(
                        .unavailable,
                        "\(path) is a database, not an export of an audit log.",
                        hint: "Name a file that 'audit export' wrote. To verify a store, use --store-url sqlite:PATH."
                    )
                }
                let guess = number == 1 ? "it is not an export of an audit log, or it was changed" : "it was changed"
                throw Failure(.no, "Line \(number) of \(path) is not JSON: \(guess).")
            }
            try body(number, json)
        }
        guard ferror(file) == 0 else { throw unreadable }
    }

    /// The first bytes of every SQLite file.
    private static let databaseStart = Array("SQLite format 3".utf8)

    private var unreadable: Failure {
        Failure(.unavailable, "\(path) cannot be read.", hint: "Check the path and its permissions.")
    }
}
