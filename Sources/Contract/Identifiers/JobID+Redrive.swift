extension JobID {
    private static let redriveMark = ":redrive-"
    private static let maximumCount = 128

    /// The id of the copy that a redrive of this job enters: `job-1:redrive-1`, and for that copy `job-1:redrive-2`. The same job always
    /// gives the same id. If the id would be too long, a hash replaces its end.
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
        guard let id = JobID(base + suffix) else { preconditionFailure("a redriven id has only characters of an id") }
        return id
    }
}
