extension JobID {
    private static let redriveMark = ":redrive-"
    private static let maximumCount = 128

    /// The id of the copy that is entered when a dead letter of this job is redriven: `job-1:redrive-1`, and of that one's copy
    /// `job-1:redrive-2`. The same job always leads to the same id. Where that would be too long, a hash stands in for the end.
    package var redriven: JobID {
        var base = Substring(description)
        var number = 1
        if let mark = base.ranges(of: JobID.redriveMark).last, let last = Int(base[mark.upperBound...]), (1..<Int.max).contains(last) {
            base = base[..<mark.lowerBound]
            number = last + 1
        }
        let suffix = "\(JobID.redriveMark)\(number)"
        if base.utf8.count + suffix.utf8.count > JobID.maximumCount {
            let hash = ":\(ShortHash([description]))"
            base = (base.prefix(JobID.maximumCount - suffix.utf8.count - hash.utf8.count) + hash)[...]
        }
        guard let id = JobID(base + suffix) else { preconditionFailure("a redriven id is made of the characters of an id") }
        return id
    }
}
