import Autotask
import Contract

/// A service as a sync saw it last in Autotask: what a binding remembers as ``Store/ServiceBinding/lastSynced``.
struct LastSynced: Equatable {
    var fields: ManagedFields
    /// Autotask's own: remembered only so that it can be told when somebody changes it. `nil` where nobody knows.
    var isActive: Bool?
}

extension LastSynced {
    init(_ service: Service) {
        self.init(fields: ManagedFields(service), isActive: service.isActive)
    }

    /// ``ManagedFields/encoded``, and whether the service is active.
    var encoded: [UInt8] {
        var output = fields.encoded
        guard let isActive else { return output }
        output.removeLast()
        output.append(contentsOf: ",\"active\":\(isActive)}".utf8)
        return output
    }

    /// Reads back ``encoded``, and what was written before it told whether a service is active; `nil` for anything else.
    init?(encoded bytes: [UInt8]) {
        guard let fields = ManagedFields(encoded: bytes) else { return nil }
        self.init(fields: fields, isActive: (try? JSON(parsing: bytes))?["active"]?.bool)
    }
}
