import CLinux
import Glibc
import Synchronization

/// One operating system thread on which blocking C may run.
///
/// Swift's cooperative pool has as many threads as the machine has cores, and a C call that blocks one of them stalls everybody. What
/// must block (`poll`, `curl_multi_poll`, `fsync`) therefore runs here, on a thread of its own, for as long as `body` runs.
///
/// The thread keeps this object alive until `body` has returned; nobody needs to hold it. Signals are blocked on the thread: the process
/// handles them elsewhere.
package final class ConfinedThread: Sendable {
    private struct Completion {
        var isFinished = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// What the thread is called in `top -H`, in a debugger and in a core. At most 15 bytes are kept: a limit of the kernel's.
    package let name: String

    /// In bytes, whatever the process's own limit is. librabbitmq reads nested headers by recursion, and takes 4 MiB for the deepest that a
    /// frame of 128 KiB holds. Only what is used takes memory.
    private static let stackSize = 8 << 20

    private let body: @Sendable () -> Void
    private let completion = Mutex(Completion())

    private init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    /// Starts a thread that runs `body` once, to its end.
    ///
    /// - Parameters:
    ///   - name: see ``name``.
    ///   - body: the work. It ends the thread by returning; whoever starts it provides the means to tell it so.
    /// - Throws: ``ConfinementError`` when the kernel has no thread left to give.
    @discardableResult
    package static func start(name: String, body: @escaping @Sendable () -> Void) throws(ConfinementError) -> ConfinedThread {
        let thread = ConfinedThread(name: name, body: body)
        // Retained once here, released once by the thread's entry function, or below when there is no thread.
        let context = Unmanaged.passRetained(thread)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        // Nobody joins the thread: its end is awaited through `waitUntilFinished`.
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSize)
        var handle = pthread_t()
        let code = pthread_create(&handle, &attributes, confinedThreadEntry, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw ConfinementError(operation: "pthread_create", errno: code)
        }
        return thread
    }

    /// Returns once `body` has returned; at once if it already has.
    package func waitUntilFinished() async {
        await withCheckedContinuation { continuation in
            let isFinished = completion.withLock { completion in
                if !completion.isFinished { completion.waiters.append(continuation) }
                return completion.isFinished
            }
            if isFinished { continuation.resume() }
        }
    }

    fileprivate func run() {
        CLinux_set_thread_name(name)
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_SETMASK, &signals, nil)
        body()
        let waiters = completion.withLock { completion in
            completion.isFinished = true
            defer { completion.waiters = [] }
            return completion.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// The C entry point of every ``ConfinedThread``; `context` is the thread object, retained once for this call.
private func confinedThreadEntry(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<ConfinedThread>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
