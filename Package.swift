// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of the house is compiled with (see CONTRIBUTING.md, "House rules").
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// The house's settings for targets that touch no C: there, every unsafe expression has to say so.
let strict: [SwiftSetting] = house + [.strictMemorySafety()]

/// The revision that `autotask-worker --version` prints. Sources outside Git have none.
let revision: [CSetting] =
    Context.gitInformation.map { git in
        [.define("CREVISION", to: "\"\(git.currentCommit)\(git.hasUncommittedChanges ? "+" : "")\"")]
    } ?? []

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let instrumentation = Target.Dependency.product(name: "Instrumentation", package: "swift-distributed-tracing")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

let package = Package(
    name: "autotask-worker",
    products: [
        .executable(name: "autotask-worker", targets: ["autotask-worker"]),
        .executable(name: "autotask-simulator", targets: ["autotask-simulator"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: [.defaults, "CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        // Level 0: doors to C libraries. Each is imported by one folder of one Swift module.
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux"),
        .target(name: "CRevision", cSettings: revision),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        // Level 1: words, names, threads.
        .target(name: "Contract", swiftSettings: house),
        .target(name: "Telemetry", dependencies: [logging, metrics, tracing], swiftSettings: strict),
        .target(name: "Confinement", dependencies: ["CLinux"], swiftSettings: house),
        .target(name: "Secrets", dependencies: ["Contract"], swiftSettings: house),
        .target(name: "TLS", dependencies: ["COpenSSL"], swiftSettings: house),

        // Level 2: seams to the outside world.
        .target(
            name: "AMQP",
            dependencies: ["CRabbitMQ", "Confinement", "TLS", "Telemetry", logging, metrics, lifecycle, crypto, deque],
            swiftSettings: house
        ),
        .target(
            name: "HTTP",
            dependencies: ["CCurl", "Confinement", "Secrets", "TLS", "Telemetry", logging, lifecycle, deque],
            swiftSettings: house
        ),
        .target(name: "Vault", dependencies: ["COpenSSL", "Contract", "Secrets", crypto], swiftSettings: house),
        .target(name: "Store", dependencies: ["Contract"], swiftSettings: strict),

        // Level 3: what stands on the seams.
        .target(name: "Autotask", dependencies: ["Contract", "HTTP", "Secrets", "Telemetry", logging], swiftSettings: strict),
        .target(
            name: "OTLP",
            dependencies: ["Contract", "HTTP", "Telemetry", logging, metrics, tracing, lifecycle, deque],
            swiftSettings: strict
        ),
        .target(
            name: "SQLiteStore",
            dependencies: [
                "Contract", "Confinement", "CSQLite", "Store", "Telemetry", metrics,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: house
        ),

        // Level 4: the work.
        .target(
            name: "Engine",
            dependencies: ["Contract", "Telemetry", "HTTP", "Secrets", "Store", "Vault", "Autotask", logging, metrics, lifecycle],
            swiftSettings: strict
        ),

        // Level 5: what operators and their machines ask.
        .target(
            name: "Operations",
            dependencies: ["Contract", "Telemetry", logging, metrics, lifecycle, .product(name: "Hummingbird", package: "hummingbird")],
            swiftSettings: strict
        ),

        // Level 6: the programs.
        .executableTarget(
            name: "autotask-worker",
            dependencies: [
                "CRevision", "Contract", "Telemetry", "Confinement", "Secrets", "TLS", "AMQP", "HTTP", "Vault", "Store", "Autotask",
                "OTLP", "SQLiteStore", "Engine", "Operations", logging, metrics, instrumentation, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
            ],
            swiftSettings: house
        ),
        .executableTarget(
            name: "autotask-simulator",
            dependencies: [
                "Contract", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            swiftSettings: strict
        ),

        // TLS servers with every flaw that a certificate can have, for the tests of both that speak TLS.
        .testTarget(
            name: "TLSPeers",
            dependencies: ["ChildProcesses"],
            path: "Tests/TLSPeers",
            exclude: ["tls-server.py"],
            swiftSettings: house
        ),

        // Programs that tests run beside themselves.
        .systemLibrary(name: "CSpawn", path: "Tests/CSpawn"),
        .testTarget(name: "ChildProcesses", dependencies: ["CSpawn"], path: "Tests/ChildProcesses", swiftSettings: house),

        // What every store does, for the tests of each.
        .testTarget(
            name: "StoreConformance",
            dependencies: ["Contract", "Store", "Vault"],
            path: "Tests/StoreConformance",
            swiftSettings: house
        ),

        // The test vectors of `schemas/`, for the tests of all that opens credentials.
        .target(name: "SealedVectors", dependencies: ["Contract", "Vault"], path: "Tests/SealedVectors", swiftSettings: house),

        // The spans of a tracer, for the tests of all that records some.
        .target(name: "RecordedSpans", dependencies: ["Telemetry"], path: "Tests/RecordedSpans", swiftSettings: strict),

        // Models: Autotask behind the transport, and with it everything around the engine, under a scheduler that a seed decides.
        .target(name: "AutotaskModel", dependencies: ["Contract", "HTTP"], path: "Tests/AutotaskModel", swiftSettings: house),
        .target(
            name: "EngineSimulation",
            dependencies: [
                "AutotaskModel", "Contract", "Engine", "HTTP", "RecordedSpans", "Secrets", "Store", "Telemetry", "Vault", logging,
                lifecycle,
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            path: "Tests/EngineSimulation",
            swiftSettings: house
        ),

        // Tests, by the module that they hold to its word.
        .testTarget(
            name: "AMQPTests",
            dependencies: ["AMQP", "Confinement", "CRabbitMQ", "TLSPeers", crypto, lifecycle, logging],
            swiftSettings: house
        ),
        .testTarget(
            name: "ContractTests",
            dependencies: ["Contract"],
            exclude: ["CloudEvents/make_python.py"],
            resources: [.copy("CloudEvents")],
            swiftSettings: house
        ),
        .testTarget(
            name: "AutotaskTests",
            dependencies: ["Autotask", "Contract", "HTTP", "Secrets", logging],
            resources: [.copy("Fixtures")],
            swiftSettings: house
        ),
        .testTarget(
            name: "EngineTests",
            dependencies: [
                "Autotask", "AutotaskModel", "Contract", "Engine", "EngineSimulation", "HTTP", "RecordedSpans", "SQLiteStore",
                "SealedVectors",
                "Secrets", "Store", "StoreConformance", "Telemetry", "Vault",
                lifecycle, logging, tracing, .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: house
        ),
        .testTarget(name: "EngineSimulationTests", dependencies: ["EngineSimulation", "StoreConformance"], swiftSettings: house),
        // What fuzzing found, once more: the targets of the nested package Tests/Fuzzing over the inputs that it kept.
        .testTarget(
            name: "FuzzTargetTests",
            dependencies: ["AMQP", "Autotask", "Contract", "CRabbitMQ", "HTTP", "Secrets", "Vault", crypto],
            path: "Tests/Fuzzing/Sources/FuzzTargets",
            swiftSettings: house
        ),
        .testTarget(
            name: "HTTPTests",
            dependencies: [
                "ChildProcesses", "Confinement", "HTTP", "Secrets", "TLSPeers", logging,
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            swiftSettings: house
        ),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: [
                "ChildProcesses", "Contract", "SQLiteStore", "Store", "StoreConformance", "Telemetry",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: house
        ),
        .testTarget(
            name: "OperationsTests",
            dependencies: [
                "Contract", "Operations", "Telemetry", logging, metrics,
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            swiftSettings: house
        ),
        .testTarget(
            name: "OTLPTests",
            dependencies: [
                "Contract", "HTTP", "OTLP", "Telemetry", logging, tracing,
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            swiftSettings: house
        ),
        .testTarget(name: "TelemetryTests", dependencies: ["RecordedSpans", "Telemetry", tracing], swiftSettings: strict),
        .testTarget(name: "SecretsTests", dependencies: ["Contract", "Secrets"], swiftSettings: house),
        .testTarget(name: "StoreTests", dependencies: ["Contract", "Store"], swiftSettings: strict),
        .testTarget(name: "SimulatorTests", dependencies: ["ChildProcesses", "Contract", "autotask-simulator"], swiftSettings: house),
        .testTarget(name: "VaultTests", dependencies: ["Contract", "SealedVectors", "Secrets", "Vault", crypto], swiftSettings: house),
        .testTarget(
            name: "WorkerCommandTests",
            dependencies: [
                "autotask-worker", "AMQP", "Confinement", "Contract", "Engine", "HTTP", "OTLP", "Operations", "SQLiteStore", "Store",
                "Telemetry",
                "Vault",
                logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: house
        ),
    ]
)
