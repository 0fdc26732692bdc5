import Contract
import Crypto

/// The text that identifies the worker's service in Autotask (`Rules` A2): 16 hexadecimal digits for the service of the plan, and 16
/// for the tenant and product. Without the identity key, neither can be made or traced to its owner.
package struct OwnershipMarker: Hashable, Sendable {
    package let value: String
    /// As it was written before the second half stood for the lane: both halves for the service. It is known again, and replaced with the next
    /// write.
    package let former: String

    package init(value: String, former: String) {
        self.value = value
        self.former = former
    }

    /// Whether a text is the marker, in either form.
    package func matches(_ text: String) -> Bool { text == value || text == former }
}

/// The markers of a lane. Their second half identifies the lane, independent of plan and key: such a service may be adopted
/// explicitly when nothing refers to it.
package struct OwnershipMarkers: Sendable {
    /// How many bytes stand for the service, and how many for the lane, each as two digits.
    private static let half = 8

    private let code: HMAC<SHA256>
    private let lane: [UInt8]
    private let laneMark: String

    init(of lane: Lane, _ code: HMAC<SHA256>) {
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
        let service = Array(code.code(for: input))
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
