import Operations

/// Checks everything that the worker needs, and the state that it left, all topics concurrently. It changes nothing.
struct Doctor {
    private let examinations: [any Examination]

    init(settings: Configuration, isThorough: Bool) {
        examinations = [
            SettingsExamination(settings: settings),
            ExposureExamination(settings: settings),
            ProcessExamination(),
            KeyRingExamination(settings: settings),
            StoreExamination(settings: settings),
            IntegrityExamination(settings: settings, isThorough: isThorough),
            ContentsExamination(settings: settings, isThorough: isThorough),
            AuditExamination(settings: settings, isThorough: isThorough),
            BrokerExamination(settings: settings),
            ManagementExamination(settings: settings),
            UsersExamination(settings: settings),
            FollowersExamination(settings: settings),
            AutotaskExamination(settings: settings),
            ReadinessExamination(settings: settings),
        ]
    }

    /// - Parameter onTopic: gets the number of topics that are examined, and of all.
    func report(onTopic: (Int, Int) -> Void = { _, _ in }) async -> HealthReport {
        await withTaskGroup(of: (Int, [HealthReport.Check]).self) { group in
            for (index, examination) in examinations.enumerated() {
                group.addTask { (index, await examination.outcome()) }
            }
            var outcomes = Array(repeating: [HealthReport.Check](), count: examinations.count)
            var examined = 0
            for await (index, checks) in group {
                outcomes[index] = checks
                examined += 1
                onTopic(examined, examinations.count)
            }
            return HealthReport(outcomes.flatMap(\.self))
        }
    }
}
