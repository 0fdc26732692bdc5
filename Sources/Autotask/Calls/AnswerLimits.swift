/// Limits for Autotask's answers. Each is far above what Autotask sends. A larger answer is a malformed response, and only its call fails.
enum AnswerLimits {
    /// The maximum size in bytes of one answer, and of all pages of one query together. An event may have to hold it, and the broker
    /// accepts messages of up to 4 MiB.
    static let bytes = 3 << 20
    /// The maximum size of the answer that names a zone, in bytes.
    static let zoneBytes = 64 << 10
    /// The maximum number of JSON values in an answer. A value of two bytes takes about ten times as much memory.
    static let values = 200_000
    /// The maximum number of pages of one query. Each page is a call that counts against the tenant's quota.
    static let pages = 100
    /// The maximum time for the answers to all pages together.
    static let queryTime: Duration = .seconds(120)
    /// The maximum length of a name, a marker or an address, in bytes. Autotask's own names have at most 200 characters.
    static let textBytes = 1000
}
