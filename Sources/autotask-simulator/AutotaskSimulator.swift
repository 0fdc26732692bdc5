import ArgumentParser
import Contract
import Dispatch
import Foundation
import Hummingbird

/// Starts a simulated Autotask on the loopback interface.
@main
struct AutotaskSimulator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autotask-simulator",
        abstract: "A simulated Autotask PSA that behaves like the real one, including its quirks and failures.",
        discussion: """
            It serves the REST API for any number of databases, refuses what the real API refuses, and records every call. \
            It listens on 127.0.0.1 only, prints its address when it is ready, and is controlled with JSON under /simulator.

            EXAMPLE
              autotask-simulator --port 8600 --seed seeds/simulator.json &
              curl -s 'http://127.0.0.1:8600/atservicesrest/v1.0/zoneInformation?user=api-4711@demo.example'
              curl -s -X POST http://127.0.0.1:8600/simulator/faults \\
                   -d '{"kind":"lostResponse","database":123456,"operation":"create","times":1}'
              curl -s 'http://127.0.0.1:8600/simulator/calls?database=123456'
            """
    )

    @Option(help: "The port to listen on; 0 for any free port.")
    var port = 0

    @Option(help: ArgumentHelp("A JSON file with the initial databases, settings and faults.", valueName: "file"))
    var seed: String?

    @Option(help: ArgumentHelp("The file to write the address to when ready.", valueName: "file"))
    var readyFile: String?

    @Option(name: .customLong("latency-ms"), help: ArgumentHelp("The minimum duration of every call; overrides the seed.", valueName: "n"))
    var latencyMilliseconds: Int?

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("The port must be from 0 to 65535.") }
        guard latencyMilliseconds ?? 0 >= 0 else { throw ValidationError("The latency must not be negative.") }
    }

    func run() async throws {
        let simulator = Simulator()
        if let seed { try load(seed, into: simulator) }
        if let latencyMilliseconds { simulator.apply(SettingsChange(latencyMilliseconds: latencyMilliseconds)) }

        let signals = [SIGTERM, SIGINT].map(AutotaskSimulator.exitOnSignal)
        defer { for signal in signals { signal.cancel() } }
        do {
            try await simulator.application(port: port) { port in announce("http://127.0.0.1:\(port)") }.run()
        } catch {
            throw Failure("Cannot listen on 127.0.0.1:\(port): \(error)")
        }
    }

    private func load(_ path: String, into simulator: Simulator) throws {
        do {
            try simulator.load(try JSONDecoder().decode(Seed.self, from: Data(contentsOf: URL(filePath: path))))
        } catch let error as ControlError {
            throw Failure("The seed \(path) cannot be used: \(error.message)")
        } catch {
            throw Failure("The seed \(path) cannot be read: \(error)")
        }
    }

    private func announce(_ address: String) {
        let line = Data((address + "\n").utf8)
        FileHandle.standardOutput.write(line)
        guard let readyFile else { return }
        do {
            try line.write(to: URL(filePath: readyFile), options: .atomic)
        } catch {
            FileHandle.standardError.write(Data("Error: cannot write \(readyFile): \(error)\n".utf8))
            AutotaskSimulator.exit(withError: ExitCode.failure)
        }
    }

    /// The process keeps no state, so it exits immediately: calls that hang on purpose would delay an orderly shutdown.
    private static func exitOnSignal(_ number: Int32) -> any DispatchSourceSignal {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { AutotaskSimulator.exit() }
        source.resume()
        return source
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) {
            self.description = description
        }
    }
}
