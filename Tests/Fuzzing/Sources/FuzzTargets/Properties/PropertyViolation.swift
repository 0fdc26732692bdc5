/// A property that must hold and did not.
package struct PropertyViolation: Error, CustomStringConvertible {
    package let description: String
}

/// - Parameter property: the property, as a sentence.
func hold(_ condition: Bool, _ property: @autoclosure () -> String) throws(PropertyViolation) {
    guard condition else { throw PropertyViolation(description: property()) }
}

/// - Parameter property: the property, as a sentence.
func hold<Value>(_ value: Value?, _ property: @autoclosure () -> String) throws(PropertyViolation) -> Value {
    guard let value else { throw PropertyViolation(description: property()) }
    return value
}
