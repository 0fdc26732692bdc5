package import Contract

/// The acknowledgement policy: the warnings that stop a batch before any write until they are acknowledged.
package struct Brake: Hashable, Sendable {
    /// Codes of the warnings that stop a batch, a subset of ``Warning/Code/stopping``.
    package var stops: Set<Warning.Code>
    /// The change beyond which a unit price is warned about, in percent of the last synced price.
    package var priceChangePercent: Int

    package init(stops: Set<Warning.Code> = [], priceChangePercent: Int = 50) {
        self.stops = stops
        self.priceChangePercent = priceChangePercent
    }

    /// The policy with further codes.
    func adding(_ codes: Set<Warning.Code>) -> Brake { Brake(stops: stops.union(codes), priceChangePercent: priceChangePercent) }

    /// Whether a price changes so much that it may be a typing error. Any change from zero is that large.
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
