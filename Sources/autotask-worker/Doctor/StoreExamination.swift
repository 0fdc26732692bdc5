import Operations
import SQLiteStore
import Store
import Vault

/// Checks whether the store can be opened and written: its file, its schema, and the space on its disk.
struct StoreExamination: Examination {
    let settings: Configuration

    let name = "store"
    /// With less free space, the next transaction may fail.
    private static let leastSpace: Int64 = 4 << 20
    /// With less free space, an operator should act. The log alone grows to about 16 MiB between two checkpoints.
    private static let comfortableSpace: Int64 = 256 << 20

    func checks() async -> [HealthReport.Check] {
        guard let path = try? settings.storePath else { return [] }
        let disk: StoreDisk
        do { disk = try await StoreDisk.look(at: path) } catch { return [fail(error.message, advice: "See STORE_URL.")] }
        return [await file(path, disk)] + exposure(path, disk) + [space(disk)]
    }

    private func file(_ path: String, _ disk: StoreDisk) async -> HealthReport.Check {
        let format: StoreFormat
        do { format = try await StoreFormat.look(at: path) } catch {
            return fail(error.message, advice: StoreExamination.advice(on: error))
        }
        if let obstacle = disk.obstacle {
            return fail(
                "The store cannot be written. \(obstacle).",
                advice:
                    "Make the file, its directory and the file system writable for the worker's user: nothing is acknowledged meanwhile."
            )
        }
        let size = (disk.size ?? 0).inMebibytes
        if let mismatch = await mismatch(path) { return mismatch }
        return switch format {
        case .none: await missing(path)
        case .older: pass("The store has the schema of an older version (\(size)): the next start of a worker migrates it.")
        case .current: await writable(path, size)
        }
    }

    private func writable(_ path: String, _ size: String) async -> HealthReport.Check {
        if let process = await StoreWriter.blocking(path) {
            return fail(
                "The store is locked by \(process): nothing can be written meanwhile.",
                advice: "Wait for that process, or end its use of the store \(path)."
            )
        }
        return pass("The store can be opened and written (\(size)).")
    }

    /// Warns when others may read the store. It is a check of its own, so that an unusable store is still reported as one.
    func exposure(_ path: String, _ disk: StoreDisk) -> [HealthReport.Check] {
        guard disk.isOpenToOthers else { return [] }
        return [warn("Users other than its owner may read the store \(path).", advice: "Run: chmod 600 \(path)*")]
    }

    /// Fails when store and ring do not belong together, as far as each remembers the other.
    private func mismatch(_ path: String) async -> HealthReport.Check? {
        guard let identity = (try? await StoreIdentity.look(at: path)) ?? nil, let ring = try? await settings.keyRing,
            let source = try? settings.keyRingSource
        else { return nil }
        let isElsewhere = (try? identity.isElsewhere(than: path)) == true
        guard
            let failure = PairedStore.mismatch(identity, ring, path: path, source: source.description)
                ?? (isElsewhere ? PairedStore.elsewhere(path) : nil)
        else { return nil }
        return fail(failure.message, advice: failure.hint)
    }

    /// A missing store may be a first start, an unmounted volume or a mistyped path: the settings and the key ring decide.
    private func missing(_ path: String) async -> HealthReport.Check { missing(path, owner: try? await settings.keyRing.storeID) }

    /// - Parameters:
    ///   - path: the path without a store.
    ///   - owner: the store that the key ring belongs to.
    func missing(_ path: String, owner: String?) -> HealthReport.Check {
        if owner == nil, (try? settings.storeCreate) == true {
            return notMade(
                "there is no store \(path) yet; the first start of a worker creates it.",
                advice: "Start one: STORE_CREATE=yes autotask-worker run"
            )
        }
        let owner = owner.map { " The key ring belongs to the store \($0)." } ?? ""
        return fail(
            "There is no store \(path).\(owner)",
            advice:
                "Check STORE_URL, and whether its volume is mounted. For a first start, and only then: STORE_CREATE=yes autotask-worker run"
        )
    }

    /// What to do when a store cannot be opened.
    static func advice(on error: StoreError) -> String {
        switch error.code {
        case .olderSchema:
            "Run the version of autotask-worker that wrote it. Or start with a new store: move the file away, run autotask-worker keys forget-store, then STORE_CREATE=yes autotask-worker run."
        case .gone: "Put the file back, or set STORE_URL to its new place, and restart the worker."
        case .newerSchema: "Run the version of autotask-worker that wrote it, or a newer one."
        case .corrupt:
            "Stop the workers, keep the file, and restore a backup: autotask-worker store restore FILE. If STORE_URL names another file, correct it."
        case .unavailable: "Check STORE_URL, the disk, and the permissions of the file and its directory."
        case .fenced, .clockBehind, .keyRetired, .unexpected: "This is a defect: please report it."
        }
    }

    func space(_ disk: StoreDisk) -> HealthReport.Check {
        let free = "\(disk.free.inMebibytes) are free on the store's disk"
        guard disk.hasRoomForFiles else {
            return .fail("disk", "The store's disk has no room for further files.", advice: "Delete files on it.")
        }
        if disk.free < StoreExamination.leastSpace {
            return .fail(
                "disk",
                "The store's disk is full: \(free).",
                advice: "Free space on it. Meanwhile no job is acknowledged, and none is lost: the broker keeps them."
            )
        }
        if disk.free < StoreExamination.comfortableSpace {
            return .warn(
                "disk",
                "\(free).",
                advice: "Free space on it before it is full: \(StoreExamination.comfortableSpace.inMebibytes) are a good reserve."
            )
        }
        return .init("disk", "\(free).")
    }
}
