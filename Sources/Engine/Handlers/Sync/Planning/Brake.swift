package import Contract

/// What a sync warns of, and what of it stops the batch before any write until somebody has acknowledged it.
package struct Brake: Hashable, Sendable {
    /// Codes of the warnings that stop a batch, of ``Warning/Code/stopping``.
    package var stops: Set<Warning.Code>
    /// The change from which on a unit price counts as moved, in percent of the price that was synced last.
    package var priceChangePercent: Int

    package init(stops: Set<Warning.Code> = [], priceChangePercent: Int = 50) {
        self.stops = stops
        self.priceChangePercent = priceChangePercent
    }

    /// The policy with further codes.
    func adding(_ codes: Set<Warning.Code>) -> Brake { Brake(stops: stops.union(codes), priceChangePercent: priceChangePercent) }

    /// Whether a price moves so far that it may be a slip of the finger. From zero, any price is far.
    func isFar(from old: Money, to new: Money) -> Bool {
        let moved = (new.tenThousandths - old.tenThousandths).magnitude.multipliedFullWidth(by: 100)
        let allowed = old.tenThousandths.magnitude.multipliedFullWidth(by: UInt64(priceChangePercent))
        return moved.high == allowed.high ? moved.low > allowed.low : moved.high > allowed.high
    }
}

extension JobContext {
    /// The operator's policy with the codes that the job requires.
    func brake(of payload: SyncPayload) -> Brake { settings.brake.adding(payload.acknowledgementRequired) }
}
