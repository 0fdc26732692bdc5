/// A decoder of the worker, and the properties that it must have for any bytes.
///
/// A target reads its input to its end and treats the rest as zero, so that no input is invalid. It waits for nothing.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// A message from a job queue: body and attributes.
    case amqpBody = "amqp-body"
    /// A valid job of each kind, changed at places that the input names.
    case cloudEvents = "cloudevents"
    /// Credentials, sealed and opened, and data sealed at rest.
    case hpkeBlob = "hpke-blob"
    /// An answer of Autotask's: status, headers, body.
    case autotaskJSON = "autotask-json"
    /// The file of the worker's keys.
    case keyRing = "key-ring"
    /// The properties of a message as they are encoded in its frame.
    case amqpHeaders = "amqp-headers"

    /// - Throws: ``PropertyViolation``. A trap or an endless loop is a finding without one.
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
