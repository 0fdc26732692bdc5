package import Tracing

/// Every span that the worker records, with its name. Libraries may add others.
///
/// Names have few values, as OpenTelemetry's semantic conventions ask: a template stands for tenants.
package enum SpanName: Hashable, Sendable {
    /// The acceptance of a job, from its delivery to the commit.
    case receive(template: String)
    /// An attempt at a job.
    case process(template: String)
    /// A call to Autotask: its method, and its path if that is known.
    case call(method: String, path: String?)
    /// An attempt that was put back at a shutdown. It is a part of the attempt that follows.
    case putBack(template: String)
    /// An operation of the store.
    case store(operation: String)
    /// The publication of an event.
    case publish(template: String)

    package var text: String {
        switch self {
        case .receive(let template): "receive \(template)"
        case .process(let template): "process \(template)"
        case .putBack(let template): "put back \(template)"
        case .call(let method, let path?): "\(method) \(path)"
        case .call(let method, nil): method
        case .store(let operation): "store \(operation)"
        case .publish(let template): "publish \(template)"
        }
    }

    package var kind: SpanKind {
        switch self {
        case .process: .consumer
        case .receive, .call, .store: .client
        case .putBack: .internal
        case .publish: .producer
        }
    }
}
