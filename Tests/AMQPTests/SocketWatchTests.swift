import Glibc
import Testing

@testable import AMQP

/// The tests use real sockets. The kernel's own timeout usually ends a dead connection first, so only these tests exercise the watchdog.
struct SocketWatchTests {
    private let start = ContinuousClock.now

    /// A watch over one end; the other end shows whether it was shut down.
    private func withGuardedSocket(_ body: (SocketWatch, _ isShutDown: () -> Bool) throws -> Void) throws {
        var sockets: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0)
        defer { for socket in sockets { close(socket) } }
        let watch = SocketWatch()
        watch.guardSocket(sockets[0])
        try body(watch) {
            var byte: UInt8 = 0
            // 0 is the end of the stream; -1 means that no data has arrived.
            return recv(sockets[1], &byte, 1, Int32(MSG_DONTWAIT)) == 0
        }
    }

    @Test func `a turn that takes too long loses its socket, once`() throws {
        try withGuardedSocket { watch, isShutDown in
            watch.enter(now: start)
            #expect(watch.check(now: start + .seconds(3), limit: .seconds(3)) == false)
            #expect(isShutDown() == false)
            #expect(watch.check(now: start + .seconds(4), limit: .seconds(3)) == true)
            #expect(isShutDown() == true)
            #expect(watch.check(now: start + .seconds(5), limit: .seconds(3)) == false)
        }
    }

    @Test func `an owner that waits for work may wait forever`() throws {
        try withGuardedSocket { watch, isShutDown in
            watch.enter(now: start)
            watch.leave()
            #expect(watch.check(now: start + .seconds(60), limit: .seconds(3)) == false)
            #expect(isShutDown() == false)
        }
    }

    @Test func `a socket that is about to be closed is not touched again`() throws {
        try withGuardedSocket { watch, isShutDown in
            watch.enter(now: start)
            watch.release()
            #expect(watch.check(now: start + .seconds(60), limit: .seconds(3)) == false)
            #expect(isShutDown() == false)
        }
    }
}
