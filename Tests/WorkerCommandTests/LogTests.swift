import Confinement
import Contract
import Glibc
import Logging
import Synchronization
import Telemetry
import Testing

@testable import autotask_worker

/// The worker's own log handler writes what swift-log's stream handler would write.
@Suite(.timeLimit(.minutes(1)))
struct LogTests {
    /// A stream of swift-log's handler that keeps the lines.
    private final class Kept: TextOutputStream, Sendable {
        let text = Mutex("")

        func write(_ string: String) { text.withLock { $0 += string } }
    }

    /// A pipe with a log stream at its end.
    private struct Pipe {
        let reading: Int32
        let writing: Int32
        let stream: LogStream

        init(_ format: LogFormat = .text, hasPriorities: Bool = false) throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
            stream = try LogStream(writing, as: format, hasPriorities: hasPriorities)
        }

        /// Waits for a number of lines.
        func lines(_ count: Int) -> [String] {
            var (bytes, found) = ([UInt8](), 0)
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while found < count {
                let size = read(reading, &buffer, buffer.count)
                guard size > 0 else { break }
                bytes += buffer[..<size]
                found += buffer[..<size].count { $0 == UInt8(ascii: "\n") }
            }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
        }

        func end() {
            close(reading)
            close(writing)
        }
    }

    private struct Trouble: Error, CustomStringConvertible {
        let description = "it is broken"
    }

    @Test func `a line is the one that swift-log's handler writes`() throws {
        let (pipe, kept) = (try Pipe(), Kept())
        defer { pipe.end() }
        let loggers = [
            Logger(label: "label") { WorkerLogHandler($0, to: pipe.stream) },
            Logger(label: "label") { StreamLogHandler(label: $0, stream: kept, metadataProvider: nil) },
        ]
        for var log in loggers {
            log.info("Plain")
            log[metadataKey: "tenant"] = "msp-1"
            log.warning("With what the logger carries")
            log.error(
                "With more",
                metadata: ["tenant": "msp-2", "b": "1", "a": .stringConvertible(2), "list": ["x", "y"], "map": ["k": "v"]]
            )
            log.notice("With an error", error: Trouble(), metadata: ["é": "ü"])
            log.debug("Below the level")
            log.critical("", source: "Elsewhere")
        }
        func withoutTime(_ line: String) -> Substring { line.drop { $0 != " " } }
        let expected = kept.text.withLock { $0.split(separator: "\n").map(String.init) }
        let written = pipe.lines(expected.count)
        #expect(written.map(withoutTime) == expected.map(withoutTime))
        #expect(expected.count == 5)
        let time = try #require(written.first).prefix { $0 != " " }
        #expect(String(time).wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        let moment = try #require(Timestamp(String(time)))
        #expect(abs((SystemTime.now - moment) / .seconds(1)) < 60)
    }

    /// A line with a number, text that has to be escaped, and a key that the line has anyway.
    private func hostileLine(_ format: LogFormat, hasPriorities: Bool = false) throws -> String {
        let pipe = try Pipe(format, hasPriorities: hasPriorities)
        defer { pipe.end() }
        let log = Logger(label: "label") { WorkerLogHandler($0, to: pipe.stream) }
        log.warning(
            "It \"says\" this",
            metadata: [
                "duration_seconds": "0.012", "attempt": "2", "database_id": "007", "job_id": "123", "tenant": "a b=\u{1B}\n\\c",
                "level": "x",
                "empty": "",
            ],
            source: "Engine"
        )
        return try #require(pipe.lines(1).first)
    }

    @Test func `in JSON, a line is one object in which only numbers are numbers`() throws {
        let json = try JSON(parsing: Array(try hostileLine(.json).utf8))
        #expect(
            json["level"] == "warning" && json["message"] == "It \"says\" this" && json["logger"] == "label" && json["source"] == "Engine"
        )
        #expect(json["duration_seconds"] == .number("0.012") && json["attempt"] == 2)
        // A number in JSON has no leading zero, and an id is a text.
        #expect(json["database_id"] == "007" && json["job_id"] == "123")
        #expect(json["tenant"] == "a b=\u{1B}\n\\c" && json["level_"] == "x" && json["empty"] == "")
        #expect(json["time"]?.string.flatMap(Timestamp.init) != nil)
    }

    @Test func `in logfmt, what is no plain word is quoted`() throws {
        let line = try hostileLine(.logfmt)
        #expect(
            line.drop { $0 != " " } == #"""
                 level=warning msg="It \"says\" this" logger=label source=Engine attempt=2 database_id=007 duration_seconds=0.012 empty="" \#
                job_id=123 level_=x tenant="a b=\u001b\n\\c"
                """#
        )
        #expect(line.hasPrefix("time=20"))
    }

    @Test(arguments: LogFormat.allCases)
    func `for journald, a line begins with its priority`(format: LogFormat) throws {
        let line = try hostileLine(format, hasPriorities: true)
        #expect(line.hasPrefix("<4>" + format.timeFrame.before + "20"))
    }

    @Test(arguments: [(12, "0.012"), (0, "0.000"), (61_007, "61.007"), (-12, "-0.012")])
    func `a duration has seconds with milliseconds`(milliseconds: Int, text: String) {
        #expect(Duration.milliseconds(milliseconds).inLog == text)
    }

    @Test func `a warning is written before it returns, with the lines before it`() throws {
        let pipe = try Pipe()
        defer { pipe.end() }
        let log = Logger(label: "label") { WorkerLogHandler($0, to: pipe.stream) }
        for number in 0..<100 { log.info("\(number)") }
        log.warning("now")
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        // Without waiting for a thread: all of it is in the pipe.
        let size = read(pipe.reading, &buffer, buffer.count)
        let lines = String(decoding: buffer[..<size], as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 101 && lines.last?.hasSuffix("now") == true)
    }

    @Test func `lines after a warning are written too`() throws {
        let pipe = try Pipe()
        defer { pipe.end() }
        let log = Logger(label: "label") { WorkerLogHandler($0, to: pipe.stream) }
        // Each waits for the line, so that the thread may rest in between.
        for number in 0..<20 {
            log.warning("warning \(number)")
            #expect(pipe.lines(1).first?.hasSuffix("warning \(number)") == true)
            log.info("info \(number)")
            #expect(pipe.lines(1).first?.hasSuffix("info \(number)") == true)
        }
    }

    @Test func `a reader that does not read holds nobody up, and learns how many lines it lost`() throws {
        let pipe = try Pipe()
        defer { pipe.end() }
        let log = Logger(label: "label") { WorkerLogHandler($0, to: pipe.stream) }
        let (count, text) = (5000, String(repeating: "x", count: 1000))
        for number in 0..<count { log.log(level: number.isMultiple(of: 7) ? .warning : .info, "\(number) \(text)") }
        pipe.stream.flush()
        // Now it reads, up to the line about the lost ones, which comes after those that were kept.
        var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
        var lines: [Substring] = []
        while lines.last?.hasSuffix("Log lines were dropped: the reader of the log did not read") != true {
            let size = read(pipe.reading, &buffer, buffer.count)
            try #require(size > 0)
            bytes += buffer[..<size]
            if bytes.last == UInt8(ascii: "\n") { lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n") }
        }
        let kept = lines.count { $0.hasSuffix(text) }
        let word = try #require(lines.last?.split(separator: " ").first { $0.hasPrefix("count=") })
        let lost = try #require(Int(word.dropFirst("count=".count)))
        #expect(kept + lost == count && kept > 1000)
        log.info("later")
        #expect(pipe.lines(1).last?.hasSuffix("later") == true)
    }

    @Test func `lines of several threads stay whole, and in order for each thread`() async throws {
        let pipe = try Pipe()
        defer { pipe.end() }
        // However slow the reader is, so many lines are kept.
        let (threads, count) = (4, 1000)
        let log = Logger(label: "label") { WorkerLogHandler($0, to: pipe.stream) }
        // A thread of its own: those of the tasks wait for it when the pipe is full.
        let written = Mutex<[String]>([])
        let reader = try ConfinedThread.start(name: "reader") {
            let lines = pipe.lines(threads * count)
            written.withLock { $0 = lines }
        }
        await withDiscardingTaskGroup { group in
            for thread in 0..<threads {
                group.addTask {
                    for number in 0..<count { log.info("\(thread) \(number) \(String(repeating: "x", count: 200))") }
                }
            }
        }
        await reader.waitUntilFinished()
        var next = [Int](repeating: 0, count: threads)
        for line in written.withLock(\.self) {
            let words = line.split(separator: " ").suffix(3)
            let (thread, number) = (try #require(Int(words.first ?? "")), Int(words.dropFirst().first ?? ""))
            #expect(number == next[thread] && words.last?.count == 200)
            next[thread] += 1
        }
        #expect(next == [Int](repeating: count, count: threads))
    }
}
