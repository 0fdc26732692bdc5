/// Ids of scheduled checks. No portal can send one, since a portal's id has no slash.
extension JobID {
    /// The id of a scheduled check of one kind. A lane has at most one at a time, and no event names it.
    package static func scheduled(_ kind: JobKind, of product: Product) -> JobID {
        JobID(unchecked: "scheduled/\(kind.rawValue)/\(product.rawValue)")
    }

    /// Reads an id from the store: a portal's or a scheduled check's; `nil` for any other text.
    package static func stored(_ text: String) -> JobID? {
        if let id = JobID(text) { return id }
        return JobKind.scheduled.lazy.flatMap { kind in Product.allCases.map { scheduled(kind, of: $0) } }.first { $0.description == text }
    }
}
