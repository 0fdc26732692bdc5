import Store

extension StoreLaw {
    /// The advice to an operator after a breach.
    var advice: String {
        switch remedy {
        case .none: StoreLaw.report
        case .newEpoch:
            "Stop the workers, then run store backup and store restore: all events after that belong to a new epoch. \(StoreLaw.report)"
        case .connect: "The tenants have to connect again. \(StoreLaw.report)"
        case .reset: "A reset of the integration erases it. \(StoreLaw.report)"
        case .restore:
            "Something else has written to the file, or its disk has failed: stop the workers and restore a backup (store restore). \(StoreLaw.report)"
        }
    }

    private static let report = "No worker should leave this behind: keep a copy (autotask-worker store backup FILE) and report it."
}
