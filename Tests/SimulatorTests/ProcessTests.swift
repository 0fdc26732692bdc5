import ChildProcesses
import Contract
import Foundation
import Testing

@testable import autotask_simulator

@Suite("The program", .timeLimit(.minutes(1)))
struct ProcessTests {
    /// The program's path, next to the tests in the build directory.
    private static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "autotask-simulator")
    private static let seeds = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../seeds")

    private func start(_ arguments: String...) throws -> ChildProcess {
        try ChildProcess([ProcessTests.program.path] + arguments, mergesErrors: true)
    }

    /// Waits on a thread of its own.
    private func end(of process: ChildProcess) async -> Int32 {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(returning: process.waitUntilExit())
            }
        }
    }

    @Test("prints its address, and stops at once with exit code 0 when it is told to, even during hanging calls")
    func termination() async throws {
        let ready = FileManager.default.temporaryDirectory.appending(path: "simulator-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: ready) }
        let seed = ProcessTests.seeds.appending(path: "simulator.json").path
        let process = try start("--seed", seed, "--ready-file", ready.path, "--latency-ms", "1")
        let line = String(decoding: process.output.availableData, as: UTF8.self)
        let port = try #require(Int(line.trimmingCharacters(in: .newlines).split(separator: ":").last ?? ""), "\(line)")
        try await until { FileManager.default.fileExists(atPath: ready.path) }
        #expect(try String(contentsOf: ready, encoding: .utf8) == line)

        let caller = Caller(port: port, username: "api-4711@demo.example", secret: "Correct-Horse-4711")
        #expect(try await caller.call("GET", "Version").status == 200)
        _ = try await caller.fault(["kind": "hang"])
        let hanging = try caller.open("GET", "/zone/AE02/ATServicesRest/V1.0/Version")
        var begun = 0
        while begun < 2 { begun = try await caller.control("GET", "calls").json?["calls"]?.array?.count ?? 0 }
        process.send(SIGTERM)
        #expect(await end(of: process) == 0)
        hanging.disconnect()
    }

    @Test("refuses an unreadable seed, and a used port, in one line")
    func failures() async throws {
        let unread = try start("--seed", "/nowhere.json")
        #expect(await end(of: unread) == 1)
        let text = String(decoding: unread.output.availableData, as: UTF8.self)
        #expect(text.hasPrefix("Error: The seed /nowhere.json cannot be read"))
        #expect(text.split(separator: "\n").count == 1)

        try await withSimulator { _, caller in
            let second = try start("--port", String(caller.port))
            #expect(await end(of: second) == 1)
            let text = String(decoding: second.output.availableData, as: UTF8.self)
            #expect(text.hasPrefix("Error: Cannot listen on 127.0.0.1:\(caller.port)"))
        }
    }

    @Test("has help with an example")
    func help() async throws {
        let process = try start("--help")
        let text = String(decoding: process.output.readDataToEndOfFile(), as: UTF8.self)
        #expect(await end(of: process) == 0)
        #expect(text.contains("EXAMPLE"))
        #expect(text.contains("--latency-ms"))
    }

    @Test("has demo databases for the demo tenants")
    func seeds() throws {
        struct Tenant: Decodable {
            let username: String
            let secret: String
            let zone: String
            let databaseId: Int64
            let costVisible: Bool
        }
        let tenants = try JSONDecoder().decode([Tenant].self, from: Data(contentsOf: ProcessTests.seeds.appending(path: "tenants.json")))
        let simulator = Simulator()
        try simulator.load(
            try JSONDecoder().decode(Seed.self, from: Data(contentsOf: ProcessTests.seeds.appending(path: "simulator.json")))
        )
        #expect(tenants.count == simulator.databases.count)
        for tenant in tenants {
            let database = try #require(simulator.database(ofUser: tenant.username))
            #expect(database.id == tenant.databaseId)
            let (zone, user) = database.withState { ($0.zone, $0[user: tenant.username]) }
            #expect(zone == tenant.zone)
            #expect(user?.secret == tenant.secret)
            #expect(user?.security.seesCosts == tenant.costVisible)
        }
    }
}
