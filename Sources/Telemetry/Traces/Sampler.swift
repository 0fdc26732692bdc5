/// Decides which spans are recorded, by OpenTelemetry's rules (`OTEL_TRACES_SAMPLER`).
package struct Sampler: Hashable, Sendable {
    package enum Rule: Hashable, Sendable {
        case always
        case never
        /// The share of traces, from 0 to 1. Every worker and every SDK decides the same about a trace: its id decides.
        case ratio(Double)
    }

    /// Decides for spans without a parent, or for all.
    package let rule: Rule
    /// Whether a parent's decision counts.
    package let followsParent: Bool

    package init(_ rule: Rule, followsParent: Bool) {
        self.rule = rule
        self.followsParent = followsParent
    }

    /// - Parameters:
    ///   - trace: the trace's id.
    ///   - parent: the parent; `nil` without one.
    /// - Returns: whether the span is recorded.
    package func samples(_ trace: SpanContext.TraceID, parent: SpanContext?) -> Bool {
        if followsParent, let parent { return parent.isSampled }
        return switch rule {
        case .always: true
        case .never: false
        case .ratio(let share): Double(trace.low >> 1) < share * 0x1p63
        }
    }
}
