package import Contract

/// A selection of lanes: those that meet every criterion that is set.
package struct LaneSelection: Hashable, Sendable {
    package enum Connection: Hashable, Sendable {
        /// Not configured.
        case missing
        case status(ConnectionRecord.Status)
    }

    /// A part of the tenant's id, in capital or small letters.
    package var search: String?
    package var connection: Connection?
    /// See ``LaneOverview/lastCode``.
    package var lastCode: ErrorCode?

    package init(search: String? = nil, connection: Connection? = nil, lastCode: ErrorCode? = nil) {
        self.search = search
        self.connection = connection
        self.lastCode = lastCode
    }

    package static let all = LaneSelection()

    package func includes(_ lane: LaneOverview) -> Bool {
        (search.map { lane.lane.tenant.description.lowercased().contains($0.lowercased()) } ?? true)
            && (connection.map { $0 == (lane.connection.map { .status($0) } ?? .missing) } ?? true)
            && (lastCode.map { $0.rawValue == lane.lastCode } ?? true)
    }
}

/// Lanes in the order of tenant and product.
package struct LanePage: Sendable {
    package var lanes: [LaneOverview]
    /// The lane after which the list goes on; `nil` at its end.
    package var next: Lane?

    package init(lanes: [LaneOverview], next: Lane?) {
        self.lanes = lanes
        self.next = next
    }
}

extension LaneRecords {
    /// Calls `body` with the selected lanes, a page at a time. The store is not read meanwhile.
    package func forEachPage(
        of selection: LaneSelection,
        after lane: Lane? = nil,
        _ body: ([LaneOverview]) async throws -> Void
    ) async throws {
        var last = lane
        repeat {
            let page = try await lanes(selection, after: last, limit: 500)
            try await body(page.lanes)
            last = page.next
        } while last != nil
    }
}
