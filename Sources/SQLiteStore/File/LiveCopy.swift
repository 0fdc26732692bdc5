import GRDB
import Glibc
import Store

/// A copy of a store while workers write it. Its transaction lasts seconds; that of a plain copy lasts minutes. While a transaction reads, the
/// log grows, and each commit of a worker takes longer.
///
/// The copy reads the file twice. The first pass copies all pages at a ``Pace``, without a transaction, and keeps a hash of each. Workers write to
/// the file meanwhile, so this is a mixture of states. In the second pass the file stands still (``StandingFile``), and only pages with another hash
/// are copied. Hashes are keyed and have 64 bits; they take 2 MiB for each GiB of the store.
///
/// During the second pass the log cannot be emptied, so the event of a reset waits. When an event has waited for ``patience``, the copy gives way
/// and repeats the second pass. The finished copy is examined.
struct LiveCopy {
    /// How long an event of a reset waits for a copy: less than the promised minute.
    static let patience: Duration = .seconds(50)
    /// How often the file stands still before the copy is given up.
    private static let attempts = 5
    /// The longest wait for events to be published.
    private static let clearance: Duration = .seconds(60)

    let source: String
    let target: PartialFile
    let patience: Duration
    /// The number of bytes that are copied between two rests, and between two checks for a waiting event.
    let stepSize: Int
    /// Called after each step, with whether the file stands still.
    let onStep: @Sendable (Bool) -> Void

    init(
        of source: String,
        to target: PartialFile,
        patience: Duration = LiveCopy.patience,
        stepSize: Int = 1 << 20,
        onStep: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        self.source = source
        self.target = target
        self.patience = patience
        self.stepSize = stepSize
        self.onStep = onStep
    }

    /// Makes the copy, which only its owner may read. A failure leaves no file.
    ///
    /// - Throws: ``StoreError``: `corrupt` when the source is damaged, `unavailable` when it does not exist, the copy cannot be written, or
    ///   too many resets interrupted it.
    func make() throws(StoreError) -> StoreBackup.Contents {
        try target.making(copyOf: source) {
            let file = try StandingFile(source)
            var pages = CopiedPages(target, pageSize: file.pageSize, stepSize: stepSize)
            try file.moving { file in try copyMoving(file, &pages) }
            for _ in 1...LiveCopy.attempts {
                if try file.standingStill({ file in try copyStanding(file, &pages) }) {
                    try file.close()
                    return try target.finish(isPaced: true)
                }
                try awaitErasures()
            }
            throw StoreError(
                .unavailable,
                "Resets interrupted the copy \(LiveCopy.attempts) times, and it was not finished: make it when fewer integrations are reset, or when the store's disk is less busy."
            )
        }
    }

    private func copyMoving(_ file: StandingFile.Image, _ pages: inout CopiedPages) throws {
        var offset: Int64 = 0
        while try Pace.step({ try pages.copy(from: file, at: offset) }) {
            offset += Int64(pages.stepSize)
            onStep(false)
        }
    }

    /// - Returns: whether the copy is complete; otherwise it gave way.
    private func copyStanding(_ file: StandingFile.Image, _ pages: inout CopiedPages) throws -> Bool {
        let watch = try StoreFile.readOnly(source)
        var (offset, waiting): (Int64, ContinuousClock.Instant?) = (0, nil)
        while try pages.copy(from: file, at: offset) {
            offset += Int64(pages.stepSize)
            onStep(true)
            guard isErasureAwaited(watch) else {
                waiting = nil
                continue
            }
            let since = waiting ?? .now
            waiting = since
            if .now - since >= patience { return false }
        }
        try target.truncate(to: file.size())
        return true
    }

    private func isErasureAwaited(_ watch: DatabaseQueue) -> Bool {
        (try? watch.read { try Bool.fetchOne($0, sql: "SELECT 1 FROM outbox WHERE awaits_erasure <> 0 LIMIT 1") }) ?? false
    }

    /// Waits until held events are published, which needs a moment without readers.
    private func awaitErasures() throws {
        let watch = try StoreFile.readOnly(source)
        let end = ContinuousClock.now + LiveCopy.clearance
        while isErasureAwaited(watch), .now < end { usleep(100_000) }
    }
}

/// The pages that have been copied so far.
private struct CopiedPages {
    let stepSize: Int
    private let target: PartialFile
    private let pageSize: Int
    private var hashes: [Int] = []
    private var buffer: [UInt8]
    /// The number of bytes that are not flushed yet.
    private var unflushed = 0

    init(_ target: PartialFile, pageSize: Int, stepSize: Int) {
        self.target = target
        self.pageSize = pageSize
        self.stepSize = max(stepSize / pageSize, 1) * pageSize
        buffer = [UInt8](repeating: 0, count: self.stepSize)
    }

    /// Copies the changed pages of a step. The copy is flushed step by step: otherwise a worker's next commit would have to wait until it
    /// is written.
    ///
    /// - Returns: whether the file may continue after the step.
    mutating func copy(from file: StandingFile.Image, at offset: Int64) throws -> Bool {
        let count = try file.read(into: &buffer, at: offset) / pageSize
        let first = Int(offset) / pageSize
        var changed: Range<Int>?
        for page in 0..<count {
            guard note(hash(of: page), of: first + page) else {
                try write(changed, at: offset)
                changed = nil
                continue
            }
            changed = (changed?.lowerBound ?? page)..<page + 1
        }
        try write(changed, at: offset)
        if unflushed >= stepSize {
            try target.flush()
            unflushed = 0
        }
        return count * pageSize == stepSize
    }

    private func hash(of page: Int) -> Int {
        var hasher = Hasher()
        buffer.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[page * pageSize..<(page + 1) * pageSize])) }
        return hasher.finalize()
    }

    /// - Returns: whether the hash has changed.
    private mutating func note(_ hash: Int, of page: Int) -> Bool {
        guard page < hashes.count else {
            hashes.append(hash)
            return true
        }
        defer { hashes[page] = hash }
        return hashes[page] != hash
    }

    private mutating func write(_ pages: Range<Int>?, at offset: Int64) throws {
        guard let pages else { return }
        let bytes = pages.lowerBound * pageSize..<pages.upperBound * pageSize
        try target.write(buffer[bytes], at: offset + Int64(bytes.lowerBound))
        unflushed += bytes.count
    }
}
