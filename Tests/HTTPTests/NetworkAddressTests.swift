import Glibc
import HTTP
import Testing

@Suite("An address that a name may have")
struct NetworkAddressTests {
    @Test(
        "is public",
        arguments: [
            "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
            "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0",
            "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888", "2a00::1", "2001:200::1",
            // A network with only IPv6 reaches Autotask this way.
            "64:ff9b::808:808",
        ]
    )
    func isPublic(text: String) throws {
        #expect(try NetworkAddress(text).isPublic)
    }

    @Test(
        "is not local, private, multicast or invalid",
        arguments: [
            // IPv4: unspecified, private, shared by carriers, loopback, link-local, documents, benchmarks, multicast, reserved, broadcast.
            "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
            "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.0",
            "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
            "240.0.0.1", "255.255.255.255",
            // IPv6: unspecified, loopback, unique local, link-local, site-local, multicast, documents, protocol assignments.
            "::", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "2001::1", "2001:1ff::1",
            "100::1", "4000::1", "8000::1",
            // IPv4 in IPv6: mapped, compatible, by 6to4, by NAT64.
            "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "2002:7f00:1::1", "2002:808:808::1", "64:ff9b::7f00:1",
            "64:ff9b::a00:1", "64:ff9b:1::808:808", "64:ff9b::1:808:808",
        ]
    )
    func isNotPublic(text: String) throws {
        #expect(try NetworkAddress(text).isPublic == false)
    }
}

extension NetworkAddress {
    fileprivate init(_ text: String) throws {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self = .v4(UInt32(bigEndian: v4.s_addr))
        } else {
            try #require(inet_pton(AF_INET6, text, &v6) == 1)
            let halves = withUnsafeBytes(of: &v6) { ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self)) }
            self = .v6(high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1))
        }
    }
}
