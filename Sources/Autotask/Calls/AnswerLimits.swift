/// What Autotask's answers may cost the worker. Each is far above what Autotask answers; what is beyond it is a malformed response, and ends
/// nothing but the call.
enum AnswerLimits {
    /// Of one answer, and of all pages of one query together, in bytes. What is read may have to be told in an event, and the broker takes
    /// messages of up to 4 MiB.
    static let bytes = 3 << 20
    /// Of the answer that names a zone, in bytes.
    static let zoneBytes = 64 << 10
    /// How many JSON values an answer may hold: each takes some ten times the memory of the two bytes that it may be written in.
    static let values = 200_000
    /// How many pages one query may have. Each of them is a call, and counts against the tenant's quota.
    static let pages = 100
    /// How long the answers to all of them may take together.
    static let queryTime: Duration = .seconds(120)
    /// Of a name, a marker or an address, in bytes. Autotask's own names have up to 200 characters.
    static let textBytes = 1000
}
