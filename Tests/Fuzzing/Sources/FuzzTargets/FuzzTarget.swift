/// A decoder of the worker's, and what must hold of it for any bytes at all.
///
/// A target reads its input as far as it goes and takes the rest for zero, so that no input is invalid. It waits for nothing.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// A message from the door: body and attributes.
    case amqpBody = "amqp-body"
    /// A valid job of each kind, changed in places that the input names.
    case cloudEvents = "cloudevents"
    /// Credentials, sealed and opened, and what is sealed at rest.
    case hpkeBlob = "hpke-blob"
    /// An answer of Autotask's: status, headers, body.
    case autotaskJSON = "autotask-json"
    /// The file of the worker's keys.
    case keyRing = "key-ring"
    /// The properties of a message as they stand in its frame.
    case amqpHeaders = "amqp-headers"

    /// - Throws: ``PropertyViolation``. What traps or never ends is a finding without it.
    package func check(_ input: [UInt8]) async throws(PropertyViolation) {
        var input = FuzzInput(input)
        switch self {
        case .amqpBody: try checkMessage(&input)
        case .cloudEvents: try checkChangedJob(&input)
        case .hpkeBlob: try checkSealed(&input)
        case .autotaskJSON: try await checkAnswer(&input)
        case .keyRing: try checkKeyRing(&input)
        case .amqpHeaders: try checkProperties(&input)
        }
    }
}
