import AMQP
import Testing

struct AMQPConfigurationTests {
    @Test func `every part of a URL is read and percent-decoded`() throws {
        let configuration = try AMQPConfiguration(url: "amqps://w%40rker:p%3A%2F%25%C3%A9@broker.example:5673/live%2Fone")
        #expect(configuration.usesTLS)
        #expect(configuration.userName == "w@rker")
        #expect(configuration.virtualHost == "live/one")
        #expect(configuration.host == "broker.example")
        #expect(configuration.port == 5673)
    }

    @Test(arguments: [
        ("amqp://localhost", 5672), ("amqp://localhost/", 5672), ("AMQPS://localhost", 5671), ("amqp://guest:guest@localhost:5672/", 5672),
    ])
    func `omitted parts have defaults`(url: String, port: Int) throws {
        let configuration = try AMQPConfiguration(url: url)
        #expect(configuration.userName == "guest")
        #expect(configuration.virtualHost == "/")
        #expect(configuration.host == "localhost")
        #expect(configuration.port == port)
    }

    @Test func `an IPv6 address is written in brackets`() throws {
        let configuration = try AMQPConfiguration(url: "amqp://[::1]:5679/")
        #expect(configuration.host == "::1")
        #expect(configuration.port == 5679)
        #expect(try AMQPConfiguration(url: "amqp://[::1]").port == 5672)
    }

    @Test(arguments: [
        "", "localhost", "http://localhost/", "amqp://", "amqp://:5672/", "amqp://localhost:0/", "amqp://localhost:65536/",
        "amqp://localhost:port/",
        "amqp://localhost/a/b", "amqp://user:se@cret@localhost/", "amqp://user:se%2@localhost/", "amqp://user:se%zzcret@localhost/",
        "amqp://user:%ff@localhost/", "amqp://user:%00@localhost/", "amqp://user:se#cret@localhost/", "amqp://localhost/?heartbeat=5",
        "amqp://[::1/",
        "amqp://[::1]5672/",
    ])
    func `an unusable URL is refused, and the error does not repeat it`(url: String) {
        let error = #expect(throws: AMQPError.self) { try AMQPConfiguration(url: url) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.description.contains("cret") == false)
    }

    @Test func `no description holds the password`() throws {
        let configuration = try AMQPConfiguration(url: "amqp://worker:secret@localhost/")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!"\(configuration)".contains("secret"))
        #expect(!String(reflecting: configuration).contains("secret"))
        #expect(!dumped.contains("secret"))
    }
}
