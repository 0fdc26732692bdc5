import FoundationEssentials

/// The credentials of a call.
struct Credentials: Sendable {
    let username: String
    let secret: String
    let integrationCode: String
}

extension DatabaseState {
    /// The gate's answer to a call.
    enum Admission: Sendable {
        /// The call may do its work as this user. It takes a place in the thread until ``DatabaseState/leave(_:)``.
        case admitted(APIUser, Thread)
        case refused(Answer)
    }

    /// Admits or refuses a call, with checks in the order of the real gate: zone, user, tracking identifier, quota, threads.
    ///
    /// - Parameter zone: the zone through which the call came; `nil` for the host that only looks zones up.
    mutating func admit(_ credentials: Credentials?, through zone: String?, to entity: String, at now: Date) -> Admission {
        guard let credentials, zone?.lowercased() == self.zone.lowercased() else { return .refused(.unauthorized) }
        guard var user = self[user: credentials.username] else { return .refused(.unauthorized) }
        let isAuthentic = user.authenticate(credentials.secret, lockAfter: lockAfterFailures)
        self[user: credentials.username] = user
        guard isAuthentic, !credentials.integrationCode.isEmpty else { return .refused(.unauthorized) }
        guard accepts(credentials.integrationCode, of: user) else {
            switch integrationCodeFailure {
            case .empty401: return .refused(.unauthorized)
            case .text500: return .refused(.refusal(Refusal("IntegrationCode is invalid.")))
            }
        }
        // The real API's answer beyond the quota is not known. It is known that it serves no call until the usage falls.
        guard quota.used(at: now) < quota.limit else {
            return .refused(.throttled("The API request threshold of \(quota.limit) requests has been exceeded."))
        }
        quota.count(at: now)
        let thread = Thread(integrationCode: credentials.integrationCode.lowercased(), entity: entity)
        guard threads[thread, default: 0] < threadLimit else {
            return .refused(.throttled("API thread threshold of \(threadLimit) threads has been exceeded"))
        }
        threads[thread, default: 0] += 1
        return .admitted(user, thread)
    }

    /// Releases the place in a thread.
    mutating func leave(_ thread: Thread) {
        let rest = threads[thread, default: 1] - 1
        threads[thread] = rest > 0 ? rest : nil
    }

    private func accepts(_ code: String, of user: APIUser) -> Bool {
        if let own = user.integrationCode, code == own { return true }
        return integrationCodes?.contains(code) ?? (user.integrationCode == nil)
    }
}
