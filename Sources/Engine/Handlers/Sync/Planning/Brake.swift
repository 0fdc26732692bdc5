package import Contract

/// What a sync warns of, and what of it stops the batch before any write until somebody has acknowledged it.
package struct Brake: Hashable, Sendable {
    /// What can stop a batch: known before anything is written.
    package static let codes: Set<Warning.Code> = [
        .priceChanged, .negativeMargin, .serviceInactive, .editOverwritten, .costNotStored, .serviceRecreated, .duplicateService,
    ]

    /// Those that do.
    package var stops: Set<Warning.Code>
    /// From which share on a unit price counts as moved, in percent of the one in Autotask.
    package var priceChangePercent: Int

    package init(stops: Set<Warning.Code> = [.priceChanged], priceChangePercent: Int = 50) {
        self.stops = stops
        self.priceChangePercent = priceChangePercent
    }

    /// Whether a price moves so far that it may be a slip of the finger. From zero, any price is far.
    func isFar(from old: Money, to new: Money) -> Bool {
        let moved = (new.tenThousandths - old.tenThousandths).magnitude.multipliedFullWidth(by: 100)
        let allowed = old.tenThousandths.magnitude.multipliedFullWidth(by: UInt64(priceChangePercent))
        return moved.high == allowed.high ? moved.low > allowed.low : moved.high > allowed.high
    }
}
