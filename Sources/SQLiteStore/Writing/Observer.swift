/// A function that a `Mutex` may hold.
///
/// Swift wraps a bare function, alone or in a tuple, in two more functions each time the lock is taken, even to read it: it converts the function
/// to the form for generic code and back. Each call then goes through all of them.
struct Observer<Subject>: Sendable {
    let observe: @Sendable (Subject) -> Void
}
