package import Contract

/// An operator's change of keys or settings, or a backup, for the audit log.
package struct OperatorAct: Hashable, Sendable {
    package var action: AuditEntry.Action
    /// Ids, file names and counts.
    package var facts: JSONObject

    /// - Parameter keys: the ids of the new active keys.
    package static func rotated(to keys: [String]) -> OperatorAct {
        OperatorAct(action: .keysRotated, facts: ["keys": .array(keys.map { .string($0) })])
    }

    package static func rewrapped(_ count: Int, of seen: Int, unopenable: Int) -> OperatorAct {
        OperatorAct(
            action: .keysRewrapped,
            facts: ["rewrapped": JSON(count), "credentialsKeys": JSON(seen), "unopenable": JSON(unopenable)]
        )
    }

    package static func retired(_ key: String, use: String) -> OperatorAct {
        OperatorAct(action: .keyRetired, facts: ["key": .string(key), "use": .string(use)])
    }

    /// - Parameters:
    ///   - names: the settings whose new values are in force.
    ///   - later: the changed settings that need a restart.
    package static func reloaded(_ names: [String], afterRestart later: [String]) -> OperatorAct {
        let facts: JSONObject = ["settings": .array(names.map { .string($0) }), "afterRestart": .array(later.map { .string($0) })]
        return OperatorAct(action: .settingsReloaded, facts: facts)
    }

    package static func backedUp(to file: String, lanes: Int, unfinishedJobs: Int) -> OperatorAct {
        OperatorAct(
            action: .storeBackedUp,
            facts: ["file": .string(file), "integrations": JSON(lanes), "unfinishedJobs": JSON(unfinishedJobs)]
        )
    }
}
