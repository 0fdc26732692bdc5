import CLinux
import Glibc
import Synchronization

/// One operating system thread on which blocking C may run.
///
/// Swift's cooperative pool has one thread for each core, and a C call that blocks one of them stalls all tasks. Blocking calls (`poll`,
/// `curl_multi_poll`, `fsync`) therefore run on a thread of their own.
///
/// The thread keeps this object alive until `body` has returned, so the caller need not keep a reference. Signals are blocked on the
/// thread: the process handles them elsewhere.
package final class ConfinedThread: Sendable {
    private struct Completion {
        var isFinished = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// The thread's name in `top -H`, in a debugger and in a core. The kernel keeps at most 15 bytes.
    package let name: String

    /// The size in bytes, independent of the process's limit. librabbitmq reads nested headers by recursion: the deepest ones in a frame of
    /// 128 KiB take 4 MiB. Unused parts take no memory.
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
    ///   - body: the work. The thread ends when it returns; the caller provides the means to stop it.
    /// - Throws: ``ConfinementError`` when the kernel refuses another thread.
    @discardableResult
    package static func start(name: String, body: @escaping @Sendable () -> Void) throws(ConfinementError) -> ConfinedThread {
        let thread = ConfinedThread(name: name, body: body)
        // Retained once here, released once by the thread's entry function, or below when there is no thread.
        let context = Unmanaged.passRetained(thread)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        // The thread is never joined: callers await its end with `waitUntilFinished`.
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

    /// Returns once `body` has returned, immediately if it already has.
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
