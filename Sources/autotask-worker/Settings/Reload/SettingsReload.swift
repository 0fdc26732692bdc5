/// The difference between the settings of a running worker and those that it would read now.
///
/// Settings of the command line and of the environment stay: only the file can change while a process runs.
struct SettingsReload: Sendable {
    struct Change: Sendable {
        let old: Configuration.Entry
        let new: Configuration.Entry

        var setting: Setting { old.setting }
    }

    /// Every setting whose value differs, in the order of the table.
    let changes: [Change]
    /// The settings after a reload: the running ones, with all changes that need no restart.
    let settings: Configuration

    /// The changes that a reload makes.
    var taken: [Change] { changes.filter(\.setting.isReloadable) }
    /// The changes that need a restart.
    var left: [Change] { changes.filter { !$0.setting.isReloadable } }

    init(from running: Configuration, to read: Configuration) {
        let pairs = zip(running.entries, read.entries)
        changes = pairs.filter { $0.text != $1.text }.map(Change.init)
        settings = Configuration(
            entries: pairs.map { $0.setting.isReloadable ? $1 : $0 },
            mistyped: running.mistyped,
            environment: running.environment
        )
    }
}
