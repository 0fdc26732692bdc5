/// A function that a `Mutex` may hold.
///
/// Each time the lock is taken, even to read it, Swift wraps a bare function in two more functions, alone or in a tuple. They convert it to the
/// form for generic code and back. Each call then goes through all of them.
struct Observer<Subject>: Sendable {
    let observe: @Sendable (Subject) -> Void
}
