import Testing

@testable import Autotask

@Suite("The target of a call, as logs may show it")
struct CallTargetTests {
    @Test(
        "A target shows the host and the path below the version, without a query",
        arguments: [
            ("https://webservices14.autotask.net/ATServicesRest/V1.0/Services/query", "webservices14.autotask.net", "Services/query"),
            (
                "https://Webservices.Autotask.net/atservicesrest/V1.0/zoneInformation?user=a%2Fb@c", "webservices.autotask.net",
                "zoneInformation"
            ),
            ("http://127.0.0.1:8080/V1.0/x/V1.0/Version", "127.0.0.1:8080", "Version"),
            ("https://a.autotask.net/other#fragment", "a.autotask.net", "other"), ("https://a.autotask.net", "a.autotask.net", ""),
            ("", "", ""),
        ]
    )
    func parts(url: String, host: String, path: String) {
        let target = CallTarget(url: url)
        #expect(target.host == host && target.path == path)
    }
}
