import Contract

/// The text that identifies the worker's service in Autotask (`Rules` A2): 16 hexadecimal digits for the service of the plan, and 16
/// for the tenant and product. Nobody without the identity key can make one or trace it to its owner.
package struct OwnershipMarker: Hashable, Sendable {
    package let value: String
    /// The earlier form, in which both halves identified the service. It is still recognised, and the next write replaces
    /// it.
    package let former: String

    package init(value: String, former: String) {
        self.value = value
        self.former = former
    }

    /// Whether a text is the marker in either form.
    package func matches(_ text: String) -> Bool { text == value || text == former }
}

/// The markers of a lane. Their second half identifies the lane, independent of plan and key. A service with such a marker may be adopted
/// explicitly when nothing refers to it.
package struct OwnershipMarkers: Sendable {
    /// The number of bytes for the service, and for the lane. Each byte is two digits.
    private static let half = 8

    private let code: KeyedHMAC
    private let lane: [UInt8]
    private let laneMark: String

    init(of lane: Lane, _ code: KeyedHMAC) {
        self.code = code
        var input: [UInt8] = []
        input.reserveCapacity(256)
        input.append(field: lane.tenant.description.utf8)
        input.append(field: lane.product.rawValue.utf8)
        self.lane = input
        laneMark = Array(code.code(for: input).prefix(OwnershipMarkers.half)).hexadecimal
    }

    package func marker(planID: String, serviceKey: String) -> OwnershipMarker {
        var input: [UInt8] = []
        input.reserveCapacity(256)
        input += lane
        input.append(field: planID.utf8)
        input.append(field: serviceKey.utf8)
        let service = code.code(for: input)
        return OwnershipMarker(
            value: Array(service[..<OwnershipMarkers.half]).hexadecimal + laneMark,
            former: Array(service[..<(2 * OwnershipMarkers.half)]).hexadecimal
        )
    }

    /// Whether a text is a marker of the lane, for any service of any plan.
    package func contains(_ text: String) -> Bool {
        text.utf8.count == 4 * OwnershipMarkers.half && text.hasSuffix(laneMark)
    }
}
