// swift-tools-version: 6.2
import PackageDescription

// This package also uses the worker's modules, through links under Sources: so `package` declarations are visible, and they are
// compiled as they are for the worker. Run with `swift run -c release --package-path Tests/Benchmarks http-benchmark`, amqp-benchmark or
// trace-benchmark.

let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux"),
        .target(name: "Contract", swiftSettings: house),
        .target(name: "Secrets", dependencies: ["Contract"], swiftSettings: house),
        .target(name: "TLS", dependencies: ["COpenSSL"], swiftSettings: house),
        .target(name: "Telemetry", dependencies: [logging, metrics, tracing], swiftSettings: house),
        .target(name: "Confinement", dependencies: ["CLinux"], swiftSettings: house),
        .target(
            name: "HTTP",
            dependencies: ["CCurl", "Confinement", "Secrets", "TLS", "Telemetry", logging, lifecycle, deque],
            swiftSettings: house
        ),
        .target(
            name: "AMQP",
            dependencies: ["CRabbitMQ", "Confinement", "TLS", "Telemetry", logging, metrics, lifecycle, crypto, deque],
            swiftSettings: house
        ),
        .target(
            name: "OTLP",
            dependencies: ["Contract", "HTTP", "Telemetry", logging, metrics, tracing, lifecycle, deque],
            swiftSettings: house
        ),
        .executableTarget(name: "trace-benchmark", dependencies: ["OTLP", "Telemetry"], swiftSettings: house),
        .executableTarget(name: "amqp-benchmark", dependencies: ["AMQP", logging], swiftSettings: house),
        .target(name: "CurlPeer", dependencies: ["CCurl"]),
        .executableTarget(name: "http-benchmark", dependencies: ["HTTP", "CurlPeer", logging], swiftSettings: house),
    ]
)
