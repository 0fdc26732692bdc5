/// Every attribute of a span. A tracer drops others, which only libraries could set.
///
/// Names of OpenTelemetry's semantic conventions are used where there is one. The others begin with `autotask.`. Values are names, ids,
/// numbers and codes: never a service's name, a price, a user, a credential, or a text of Autotask's.
package enum SpanKey: String, CaseIterable, Sendable {
    // Messaging
    case messagingSystem = "messaging.system"
    case messagingOperation = "messaging.operation.name"
    case messagingOperationType = "messaging.operation.type"
    /// The exchange with the routing key, which names the tenant.
    case destination = "messaging.destination.name"
    case destinationTemplate = "messaging.destination.template"
    case routingKey = "messaging.rabbitmq.destination.routing_key"
    /// The id of a job, or of an event.
    case messageID = "messaging.message.id"
    /// The id of the job that an event answers.
    case conversationID = "messaging.message.conversation_id"

    // HTTP
    case httpMethod = "http.request.method"
    case httpStatus = "http.response.status_code"
    /// Without the query: that of a zone look-up names the user.
    case url = "url.full"
    case urlTemplate = "url.template"
    case host = "server.address"
    case port = "server.port"

    // Store
    case databaseSystem = "db.system.name"
    case databaseOperation = "db.operation.name"
    /// The number of writes to Autotask that an operation records.
    case journalEntries = "autotask.journal.entries"

    // The worker's own
    case tenant = "autotask.tenant"
    case product = "autotask.product"
    case jobKind = "autotask.job.kind"
    /// From 1. An attempt that does not count, such as one that is held up, has the number of the next.
    case attempt = "autotask.job.attempt"
    case interruptions = "autotask.job.interruptions"
    /// From when the job may run to its claim, in seconds.
    case wait = "autotask.job.wait_seconds"
    /// As in the log's line.
    case outcome = "autotask.job.outcome"
    case isScheduled = "autotask.job.scheduled"
    case apiCalls = "autotask.job.api_calls"
    case revision = "autotask.revision"
    case operation = "autotask.operation"
    case sequence = "autotask.sequence"

    // Events of spans
    /// How long something waits, in seconds.
    case waitSeconds = "autotask.wait_seconds"
    /// Why a call or a job is held back, as in metrics.
    case reason = "autotask.reason"
    case breakerScope = "autotask.breaker.scope"

    // Failures
    /// The code of an error, or the type of a library's error.
    case errorType = "error.type"
}
