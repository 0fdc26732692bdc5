import HTTP
import Testing

@Suite("The allowed hosts")
struct HostPolicyTests {
    private let policy = HostPolicy(additionalHosts: ["127.0.0.1:8080", "Simulator.Example", "[::1]:8080"])

    @Test(
        "are those under autotask.net over https, and the ones listed",
        arguments: [
            ("https://webservices1.autotask.net/atservicesrest/", "webservices1.autotask.net:443"),
            ("https://webservices29.autotask.net:443/", "webservices29.autotask.net:443"),
            ("HTTPS://WebServices.AUTOTASK.net", "webservices.autotask.net:443"),
            ("https://a.b-c.autotask.net/?search={}", "a.b-c.autotask.net:443"),
            ("https:///webservices.autotask.net/", "webservices.autotask.net:443"),
            ("https://web%73ervices.autotask.net/", "webservices.autotask.net:443"),
            ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
            ("https://127.0.0.1:8080/x", "127.0.0.1:8080"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("http://simulator.example/", "simulator.example:80"),
            ("https://SIMULATOR.example/", "simulator.example:443"),
        ]
    )
    func allowed(url: String, endpoint: String) throws {
        #expect(try policy.check(url).endpoint == endpoint)
    }

    @Test(
        "are no others",
        arguments: [
            // Names that only look similar.
            "https://evil-autotask.net/", "https://autotask.net.evil.example/", "https://autotask.net/", "https://www.autotask.net.evil/",
            "https://webservices.autotask.network/", "https://webservices.autotask.com/", "https://xautotask.net/",
            "https://webservices.аutotask.net/", "https://webservices.autotask。net/", "https://webservices.xn--utotask-2ve.net/",
            "https://webservices.autotask%2enet.evil.example/", "https://evil.example/.autotask.net", "https://evilautotask.net/",
            "https://a.autotask.net.evil.com/", "https://webservices。autotask.net/", "https://webservices．autotask.net/",
            "https://webservices.autotask.nеt/", "https://webservices.xn--autotask-.net/", "https://webservices.autotask.xn--nt-9ia/",
            // Names that are not quite valid.
            "https://webservices.autotask.net./", "https://.autotask.net/", "https://a..autotask.net/", "https://-a.autotask.net/",
            "https://a-.autotask.net/", "https://a_b.autotask.net/", "https://*.autotask.net/",
            "https://\(String(repeating: "a", count: 64)).autotask.net/",
            // Another scheme, another port.
            "http://webservices.autotask.net/", "https://webservices.autotask.net:8443/", "https://webservices.autotask.net:80/",
            "ftp://webservices.autotask.net/", "ftps://webservices.autotask.net/", "ws://webservices.autotask.net/",
            "wss://webservices.autotask.net/", "gopher://webservices.autotask.net/", "dict://webservices.autotask.net/",
            "javascript://webservices.autotask.net/", "https:webservices.autotask.net/",
            "https://webservices.autotask.net:0/", "https://webservices.autotask.net:65536/", "https://webservices.autotask.net:443x/",
            "file:///etc/passwd", "//webservices.autotask.net/", "webservices.autotask.net",
            "http://127.0.0.1/", "http://127.0.0.1:8081/", "http://simulator.example:8080/", "http://[::1]/",
            // Another host behind an @.
            "https://webservices.autotask.net@evil.example/", "https://webservices.autotask.net:443@evil.example/",
            "https://evil.example/https://webservices.autotask.net/", "https://evil.example?.autotask.net/",
            "https://evil.example#.autotask.net", "https://evil.example\\.autotask.net/", "https://evil.example%00.autotask.net/",
            "https://evil.example%2f.autotask.net/", "https://evil.example%23.autotask.net/", "https://evil.example:443.autotask.net/",
            // Parts of a URL that a request must not have.
            "https://user@webservices.autotask.net/", "https://user:secret@webservices.autotask.net/",
            "https://webservices.autotask.net/#fragment",
            // Addresses, in any notation.
            "https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/", "https://0177.0.0.1/",
            "https://0x7f000001/", "https://127.1/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/",
            "https://[::ffff:7f00:1]/", "https://8.8.8.8/", "https://[2001:4860:4860::8888]/", "https://127.0.0.1.autotask.net:8443/",
            "http://169.254.169.254/latest/",
            // Bytes that a URL cannot contain.
            "https://webservices.autotask.net/a b", "https://webservices.autotask.net/\r\nHost: evil", "https://webservices.autotask.net/é",
            "https://webservices.autotask.net/\tx", "https://webservices.autotask.net\t.evil.example/",
            "https://webservices.autotask.net\\@evil.example/", "https:\\\\webservices.autotask.net\\",
            "https://evil.example%09.autotask.net/",
            "https://evil.example%0d%0a.autotask.net/", "https://evil.example%5c.autotask.net/", "https://evil.example%40.autotask.net/",
            "https://webservices.autotask.net\0.evil.example/", "",
        ]
    )
    func refused(url: String) {
        let error = #expect(throws: HTTPError.self) { try policy.check(url) }
        #expect(error?.code == .notAllowed)
        #expect(error?.mayHaveBeenSent == false)
    }

    @Test("are compared in the form that is dialled, whatever the notation of the address")
    func addressForms() throws {
        #expect(try policy.check("http://0x7f.1:8080/").endpoint == "127.0.0.1:8080")
    }

    @Test("are named in the URL that is sent as the parser read it")
    func normalForm() throws {
        #expect(try policy.check("HTTP://127.0.0.1:8080").url == "http://127.0.0.1:8080/")
    }

    @Test("are named in the error without path and query")
    func silentErrors() {
        let error = #expect(throws: HTTPError.self) { try policy.check("https://evil.example/path?user=somebody") }
        #expect(error?.description == "notAllowed: https://evil.example:443 is not among the allowed hosts")
    }

    @Test("of one URL are that host with that port alone, and not Autotask's")
    func onlyOne() throws {
        let policy = try HostPolicy(onlyOf: "HTTP://Collector.example:4318/v1/traces")
        #expect(try policy.check("http://collector.example:4318/other").isListed)
        #expect(try HostPolicy(onlyOf: "https://collector.example").check("https://collector.example/").endpoint == "collector.example:443")
        for other in [
            "http://collector.example/", "http://collector.example:4317/", "https://webservices.autotask.net/", "https://evil.example/",
            "http://u:p@collector.example:4318/",
        ] {
            #expect(throws: HTTPError.self) { try policy.check(other) }
        }
    }

    @Test(
        "of a URL that may not be called in any case are none",
        arguments: ["http://u:p@c/", "ftp://c/", "c:4318", "http://c/#x", "http://c /"]
    )
    func onlyOfNone(url: String) {
        #expect(throws: HTTPError.self) { try HostPolicy(onlyOf: url) }
    }
}
