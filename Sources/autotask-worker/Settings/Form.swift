import Contract
import Engine
import HTTP
import Logging
import Operations
import Vault

/// The form of a setting's text, with its parser.
struct Form<Value: Sendable, Mistake: Error>: Sendable {
    /// The placeholder of a value in help.
    let placeholder: String
    /// The range of the secret in a value.
    var secret: @Sendable (String) -> Range<String.Index>? = { _ in nil }
    let read: @Sendable (_ text: String, Configuration.Entry) throws(Mistake) -> Value

    func result(_ text: String, _ entry: Configuration.Entry) -> Result<Value, Mistake> {
        do throws(Mistake) { return .success(try read(text, entry)) } catch { return .failure(error) }
    }
}

extension Form where Mistake == Failure {
    /// - Parameters:
    ///   - placeholder: the placeholder of a value in help.
    ///   - words: the form in words, for messages.
    ///   - read: returns `nil` for an invalid text.
    static func parsed(_ placeholder: String, _ words: String, _ read: @escaping @Sendable (String) -> Value?) -> Self {
        Form(placeholder: placeholder) { text, entry throws(Failure) in
            guard let value = read(text) else { throw entry.isNot(words) }
            return value
        }
    }
}

// MARK: Any text

extension Form<String, Never> {
    static func text(_ placeholder: String) -> Self { Form(placeholder: placeholder) { text, _ in text } }

    static func secret(_ placeholder: String) -> Self {
        Form(placeholder: placeholder, secret: { $0.startIndex..<$0.endIndex }) { text, _ in text }
    }

    /// A URL, in which only the password is secret.
    static var secretURL: Self { Form(placeholder: "url", secret: { $0.password }) { text, _ in text } }

    /// A URL. A missing slash at its end is added.
    static var directoryURL: Self { Form(placeholder: "url") { text, _ in text.hasSuffix("/") ? text : text + "/" } }
}

extension Form<[String], Never> {
    static func list(_ placeholder: String) -> Self { Form(placeholder: placeholder) { text, _ in text.listed } }
}

// MARK: Numbers

extension Form<Int, Failure> {
    static func count(_ placeholder: String, atLeast least: Int = 1) -> Self {
        parsed(placeholder, least > 0 ? "a positive whole number" : "a whole number of at least \(least)") { text in
            Int(text).flatMap { $0 >= least ? $0 : nil }
        }
    }

    static var percentage: Self {
        let count = count("percent")
        return Form(placeholder: count.placeholder) { text, entry throws(Failure) in
            let share = try count.read(text, entry)
            guard share <= 100 else { throw entry.isNot("a percentage, from 1 to 100") }
            return share
        }
    }
}

extension Form<Duration, Failure> {
    static var seconds: Self { time("seconds", milliseconds: 1000) }
    static var hours: Self { time("hours", milliseconds: 3_600_000) }
    static var milliseconds: Self { time("milliseconds", milliseconds: 1) }

    private static func time(_ unit: String, milliseconds: Double) -> Self {
        parsed(unit, "a number of \(unit)") { text in
            Double(text).flatMap { $0 >= 0 && $0 < 1e9 ? .milliseconds(Int64($0 * milliseconds)) : nil }
        }
    }

    static func days(atLeast least: Int) -> Self {
        let count = Form<Int, Failure>.count("days", atLeast: least)
        return Form(placeholder: count.placeholder) { text, entry throws(Failure) in .seconds(try count.read(text, entry) * 86_400) }
    }
}

extension Form<Duration?, Failure> {
    /// An interval in hours, fractions allowed; `nil` for 0, which means never.
    static var interval: Self {
        parsed("hours", "a number of hours up to 8784, a year, or 0 for never") { text -> Duration?? in
            guard let hours = Double(text), hours >= 0, hours <= 8784 else { return nil }
            return .some(hours == 0 ? nil : .milliseconds(max(1000, Int64(hours * 3_600_000))))
        }
    }
}

// MARK: Others

extension Form<Bool, Failure> {
    static func either(_ yes: String, or no: String, _ words: String) -> Self {
        parsed("\(no)|\(yes)", words) { [yes, no].contains($0) ? $0 == yes : nil }
    }
}

extension Form<Timestamp?, Failure> {
    static var moment: Self {
        parsed("date-time", "a date-time of RFC 3339, or none") { text -> Timestamp?? in
            text == "none" ? .some(nil) : Timestamp(text).map(Optional.some)
        }
    }
}

extension Form<String, Failure> {
    /// The path of a store.
    static var store: Self {
        Form(placeholder: "url", secret: { $0.password }) { text, entry throws(Failure) in
            guard text.hasPrefix("sqlite:"), text.count > "sqlite:".count else {
                throw entry.isNot("sqlite:PATH", hint: "This version has no other stores.")
            }
            return String(text.dropFirst("sqlite:".count))
        }
    }
}

extension Form<Proxy, Failure> {
    static var proxy: Self {
        Form(placeholder: "url", secret: { $0.password }) { text, entry throws(Failure) in
            do throws(HTTPError) { return try Proxy(text) } catch {
                throw entry.isNot(
                    "http://host:port or http://user:password@host:port",
                    hint: "\(error.message). Percent-encode special characters in the user and the password."
                )
            }
        }
    }
}

extension Form<TrustedPublishers, Failure> {
    static var publishers: Self {
        Form(placeholder: "users") { text, entry throws(Failure) in
            do throws(TrustedPublishers.Mistake) { return try TrustedPublishers(text.listed) } catch {
                throw entry.isNot(
                    "a list of publishers: \(error)",
                    hint: "It looks like portal,reseller-acme=acme-*: broker users, where = limits one to a tenant or a prefix."
                )
            }
        }
    }
}

extension Form<Set<Warning.Code>, Failure> {
    static var warnings: Self {
        Form(placeholder: "codes") { text, entry throws(Failure) in
            let names = text.listed
            if names == ["none"] { return [] }
            let codes = names.compactMap { name in Warning.Code.stopping.first { $0.rawValue == name } }
            guard codes.count == names.count else {
                let known = Warning.Code.stopping.map(\.rawValue).sorted().joined(separator: ", ")
                throw entry.isNot("none, or a list of warnings", hint: "These can stop a sync: \(known).")
            }
            return Set(codes)
        }
    }
}

extension String {
    /// The parts between its commas.
    var listed: [String] { split(separator: ",").map(\.trimmed).filter { !$0.isEmpty } }

    /// The password of a URL, between its user and its host.
    var password: Range<Index>? {
        guard let scheme = firstRange(of: "://"), let at = self[scheme.upperBound...].lastIndex(of: "@"),
            let colon = self[scheme.upperBound..<at].firstIndex(of: ":")
        else { return nil }
        return index(after: colon)..<at
    }
}

extension Substring {
    /// The text without spaces at both ends.
    var trimmed: String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
