import CFuzzer
import FuzzTargets
import Glibc

// libFuzzer's program for one target, which FUZZ_TARGET names; its options are libFuzzer's.

let target: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        fatalError("FUZZ_TARGET is not one of \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return target
}()

/// Runs a task immediately on the thread that creates it. Targets wait for nothing, so a task has ended once it is created: libFuzzer may
/// attribute its coverage and cost to that input.
final class CallersThread: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }
}

let executor = CallersThread()

func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    Task(executorPreference: executor) {
        do { try await target.check(input) } catch { fatalError("\(error)") }
    }
    return 0
}

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(LLVMFuzzerRunDriver(&count, &arguments, { testOneInput($0, $1) }))
