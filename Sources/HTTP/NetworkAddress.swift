/// An IP address, to which a host's name resolves.
package enum NetworkAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// Whether it is an address of the public internet, where Autotask is. All others lead to the operator's own machine or network, to
    /// many hosts, or nowhere: see IANA's registries of special-purpose addresses (RFC 6890) and of multicast.
    ///
    /// For IPv6, only global unicast is public, without the ranges for documentation and those that reach an IPv4 address through a third
    /// party's relay. An address with NAT64's well-known prefix (RFC 6052) is public if its IPv4 address is: some networks reach IPv4 only
    /// through it.
    package var isPublic: Bool {
        switch self {
        case .v4(let address):
            !NetworkAddress.specialV4.contains { (address ^ $0.network) >> (32 - $0.length) == 0 }
        case .v6(0x0064_ff9b_0000_0000, let low) where low >> 32 == 0:
            NetworkAddress.v4(UInt32(truncatingIfNeeded: low)).isPublic
        case .v6(let high, _):
            high >> 61 == 0b001 && !NetworkAddress.specialV6.contains { (high ^ $0.network) >> (64 - $0.length) == 0 }
        }
    }

    private static let specialV4: [(network: UInt32, length: UInt32)] = [
        (0x0000_0000, 8),  // this network
        (0x0a00_0000, 8),  // private
        (0x6440_0000, 10),  // shared by carriers (CGNAT)
        (0x7f00_0000, 8),  // loopback
        (0xa9fe_0000, 16),  // link-local, and the clouds' metadata
        (0xac10_0000, 12),  // private
        (0xc000_0000, 24),  // protocol assignments
        (0xc000_0200, 24),  // documents
        (0xc058_6300, 24),  // relays of 6to4
        (0xc0a8_0000, 16),  // private
        (0xc612_0000, 15),  // benchmarks
        (0xc633_6400, 24),  // documents
        (0xcb00_7100, 24),  // documents
        (0xe000_0000, 4),  // multicast
        (0xf000_0000, 4),  // reserved, and broadcast
    ]

    /// The special ranges by their first 64 bits.
    private static let specialV6: [(network: UInt64, length: UInt64)] = [
        (0x2001_0000_0000_0000, 23),  // protocol assignments, Teredo among them
        (0x2001_0db8_0000_0000, 32),  // documents
        (0x2002_0000_0000_0000, 16),  // 6to4
        (0x3fff_0000_0000_0000, 20),  // documents
    ]
}
