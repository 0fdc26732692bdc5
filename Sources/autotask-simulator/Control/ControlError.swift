/// The failure of a call to the control API.
struct ControlError: Error {
    enum Code: Int {
        case invalid = 400
        case notFound = 404
        case conflict = 409
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
