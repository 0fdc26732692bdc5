/// Names warnings that a person accepted: all of one code, `price_changed`, or that of one service, `price_changed:license-monthly`.
package struct Acknowledgement: Hashable, Sendable {
    /// A raw value of ``Warning/Code``. A code that this version does not know covers nothing.
    package let code: String
    /// `nil` for every service.
    package let serviceKey: String?

    /// - Parameter text: the member of a job. Anything but a code, or a code and the key of a service, gives `nil`.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard (1...64).contains(parts[0].utf8.count),
            parts[0].utf8.allSatisfy({ $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) })
        else { return nil }
        if parts.count > 1 {
            guard PlanService.isKey(String(parts[1])) else { return nil }
            serviceKey = String(parts[1])
        } else {
            serviceKey = nil
        }
        code = String(parts[0])
    }

    /// Names one warning, with its service if it has one.
    package init(_ warning: Warning) {
        code = warning.code.rawValue
        serviceKey = warning.serviceKey
    }

    package func covers(_ warning: Warning) -> Bool {
        code == warning.code.rawValue && (serviceKey == nil || serviceKey == warning.serviceKey)
    }
}

extension Acknowledgement: CustomStringConvertible {
    package var description: String { serviceKey.map { "\(code):\($0)" } ?? code }
}
