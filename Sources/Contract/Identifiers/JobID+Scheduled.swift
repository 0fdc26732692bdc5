/// Ids of the worker's own checks. No portal can send one: a slash is none of the characters of its ids.
extension JobID {
    /// The id of the check of one kind: a lane has at most one at a time, and no event ever names it.
    package static func scheduled(_ kind: JobKind, of product: Product) -> JobID {
        JobID(unchecked: "scheduled/\(kind.rawValue)/\(product.rawValue)")
    }

    /// An id as a store keeps it: a portal's, or a check's; `nil` for any other text.
    package static func stored(_ text: String) -> JobID? {
        if let id = JobID(text) { return id }
        return JobKind.scheduled.lazy.flatMap { kind in Product.allCases.map { scheduled(kind, of: $0) } }.first { $0.description == text }
    }
}
