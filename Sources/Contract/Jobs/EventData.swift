/// The data of a CloudEvent in structured mode: JSON in `data`, or base64 in `data_base64`, which some SDKs write when they get bytes.
struct EventData {
    /// The value to read and compare: the same for both forms, without members that are `null`. With an ``error``, everything that was
    /// sent.
    let json: JSON
    /// The bytes to keep: the text of ``json`` as received, or decoded from base64. It is `null` if there was no data, or with an
    /// ``error``.
    let bytes: ArraySlice<UInt8>
    /// The reason why the data cannot be read.
    let error: JobError?

    /// - Parameters:
    ///   - envelope: the CloudEvent without members that are `null`.
    ///   - received: the text of the member `data`, if there is one.
    init(_ envelope: JSON, _ received: ArraySlice<UInt8>?) {
        guard let encoded = envelope["data_base64"] else {
            json = envelope["data"] ?? .null
            bytes = received ?? EventData.null
            error = nil
            return
        }
        do throws(JobError) {
            (json, bytes) = try EventData.decoded(encoded, besides: envelope["data"])
            error = nil
        } catch {
            var both: JSONObject = ["data_base64": encoded]
            both["data"] = envelope["data"]
            json = .object(both)
            bytes = EventData.null
            self.error = error
        }
    }

    private static let null = Array("null".utf8)[...]

    private static func decoded(_ encoded: JSON, besides data: JSON?) throws(JobError) -> (JSON, ArraySlice<UInt8>) {
        guard data == nil else {
            throw JobError(
                .jobInvalid,
                "The CloudEvent has both data and data_base64.",
                hint: "Send only one of them, under a new id.",
                field: "data_base64"
            )
        }
        guard let bytes = encoded.string.flatMap(Base64.decode) else {
            throw .member("data_base64", came: encoded, due: "a string of base64 (RFC 4648, section 4)")
        }
        do { return (try JSON(parsing: bytes).withoutNullMembers, bytes[...]) } catch {
            throw JobError(
                .jobInvalid,
                "data_base64 does not decode to JSON: \(error).",
                hint: "Send the job's data as a JSON object in data, under a new id.",
                field: "data_base64"
            )
        }
    }

    /// The product that the data names; `nil` if it names none, or an unknown one. A name in the wrong case is refused, and the refusal
    /// goes to the intended product.
    var product: Product? {
        guard let member = productMember else { return nil }
        return member.string.flatMap { text in
            Product(rawValue: text) ?? Product.allCases.first { $0.rawValue.lowercased() == text.lowercased() }
        }
    }

    /// - Throws: `job_invalid` for an unknown product.
    func checkProduct() throws(JobError) {
        guard let member = productMember else { return }
        guard member.string.flatMap(Product.init(rawValue:)) != nil else {
            throw .member("data.product", came: member, due: "workplace or fileProtection")
        }
    }

    private var productMember: JSON? { json["product"] ?? json["data"]?["product"] }
}
