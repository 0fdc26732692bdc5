/// A function that a `Mutex` may hold.
///
/// A bare one, alone or in a tuple, is wrapped in two further functions each time the lock is taken, also to read it: Swift converts it to the form
/// in which generic code takes functions and back. Each call then goes through all of them.
struct Observer<Subject>: Sendable {
    let observe: @Sendable (Subject) -> Void
}
