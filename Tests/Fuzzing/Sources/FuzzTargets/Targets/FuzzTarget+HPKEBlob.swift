import Contract
import Secrets
import Vault

extension FuzzTarget {
    /// The decoder, and its input.
    func checkSealed(_ input: inout FuzzInput) throws(PropertyViolation) {
        switch input.index(below: 6) {
        case 0: try checkMember(&input)
        case 1: try checkChangedSeal(&input)
        case 2: try checkPlaintext(&input)
        case 3: try holdScalars(in: String(decoding: input.remainder(), as: UTF8.self))
        case 4: try checkSealedAtRest(&input)
        default: try checkArbitrarySeal(&input)
        }
    }

    private static let lane = Lane(tenant: tenant("msp-1"), product: .workplace)
    private static let job = JobID("job-1") ?? job(0)
    private static let plaintext = Array(#"{"username":"api@msp.example","secret":"Kanarie"}"#.utf8)

    private static func tenant(_ text: String) -> TenantID {
        guard let tenant = TenantID(text) else { preconditionFailure("a tenant's id") }
        return tenant
    }

    private static func job(_ number: UInt8) -> JobID {
        guard let job = JobID("job-\(number)") else { preconditionFailure("a job's id") }
        return job
    }

    /// The member of a connect job, as any JSON.
    private func checkMember(_ input: inout FuzzInput) throws(PropertyViolation) {
        guard let member = try? JSON(parsing: input.remainder()) else { return }
        let payload: JobPayload
        do throws(JobError) {
            payload = try JobPayload(kind: .connect, data: ["credentials": member], acceptsClearCredentials: false)
        } catch {
            return try error.holdProperties(answering: nil)
        }
        guard case .connect(let connect) = payload, case .sealed(let sealed) = connect.credentials else {
            throw PropertyViolation(description: "credentials in the clear are not accepted")
        }
        try hold(Base64URL.encode(sealed.ciphertext) == member["ciphertext"]?.string, "base64url has one spelling")
        try holdShut(sealed)
    }

    /// Key, encapsulated key and ciphertext of any bytes.
    private func checkArbitrarySeal(_ input: inout FuzzInput) throws(PropertyViolation) {
        let keyID = input.byte() & 1 == 0 ? Samples.recipientKeyID : input.shortText()
        let encapsulatedKey = input.shortBytes()
        try holdShut(SealedCredentials(keyID: keyID, encapsulatedKey: encapsulatedKey, ciphertext: input.remainder()))
    }

    private func holdShut(_ sealed: SealedCredentials) throws(PropertyViolation) {
        do throws(VaultError) {
            _ = try Samples.vault.openSealed(sealed, job: FuzzTarget.job, lane: FuzzTarget.lane)
        } catch {
            let isKnown = sealed.keyID == Samples.recipientKeyID
            return try hold(error.code == (isKnown ? .decryptionFailed : .keyUnknown), "only the key decides on the error")
        }
        throw PropertyViolation(description: "an unsealed blob does not open")
    }

    /// A sealed value, altered in any way, or used for another job or lane.
    private func checkChangedSeal(_ input: inout FuzzInput) throws(PropertyViolation) {
        let original = Samples.sealed
        var sealed = original
        let job = FuzzTarget.job(input.byte() & 3)
        let lane = input.pick([
            FuzzTarget.lane, Lane(tenant: FuzzTarget.tenant("msp-2"), product: .workplace),
            Lane(tenant: FuzzTarget.lane.tenant, product: .fileProtection),
        ])
        while !input.isEmpty {
            switch input.index(below: 4) {
            case 0: sealed.encapsulatedKey.alter(by: &input)
            case 1, 2: sealed.ciphertext.alter(by: &input)
            default: sealed.keyID = input.shortText()
            }
        }
        let isUnchanged =
            sealed.encapsulatedKey == original.encapsulatedKey && sealed.ciphertext == original.ciphertext && sealed.keyID == original.keyID
        let opened = FuzzTarget.opened { () throws(VaultError) in try Samples.vault.openSealed(sealed, job: job, lane: lane) }
        if isUnchanged, job == FuzzTarget.job, lane == FuzzTarget.lane {
            try hold(opened == Samples.plaintext, "an unchanged value opens")
        } else if sealed.encapsulatedKey == original.encapsulatedKey {
            try hold(opened == nil, "an altered value does not open")
        } else {
            // X25519 ignores the highest bit of a public key, but the encapsulated key is bound into the derivation.
            try hold(opened == nil, "a value sealed to another key does not open")
        }
    }

    /// The opened value; `nil` if it does not open.
    private static func opened(_ open: () throws(VaultError) -> Secret) -> [UInt8]? {
        do throws(VaultError) { return try open().withUnsafeBytes { Array($0) } } catch { return nil }
    }

    /// A seal around any plaintext.
    private func checkPlaintext(_ input: inout FuzzInput) throws(PropertyViolation) {
        try Samples.holdReading(ofPlaintext: Canary.plant(in: input.remainder()))
    }

    private func checkSealedAtRest(_ input: inout FuzzInput) throws(PropertyViolation) {
        let vault = Samples.vault
        var payload = Samples.payload
        var credentials = Samples.laneCredentials.sealed
        var wrappedKey = Samples.laneCredentials.wrappedKey
        switch input.index(below: 4) {
        case 0: payload.alter(by: &input)
        case 1: credentials.alter(by: &input)
        case 2: wrappedKey.alter(by: &input)
        default:
            payload = input.shortBytes()
            wrappedKey = input.shortBytes()
            credentials = input.remainder()
        }
        let openedPayload = try? vault.openPayload(payload, job: FuzzTarget.job, lane: FuzzTarget.lane)
        try hold((openedPayload != nil) == (payload == Samples.payload), "a payload opens exactly as it was sealed")
        let opened = FuzzTarget.opened { () throws(VaultError) in
            try vault.openCredentials(credentials, wrappedKey: wrappedKey, lane: FuzzTarget.lane)
        }
        let isUnchanged = credentials == Samples.laneCredentials.sealed && wrappedKey == Samples.laneCredentials.wrappedKey
        try hold((opened != nil) == isUnchanged, "credentials open exactly as they were sealed")
    }
}

/// Checks that a vault opens what it sealed.
func holdSealing(with vault: Vault) throws(PropertyViolation) {
    guard let tenant = TenantID("msp-1"), let job = JobID("job-1") else { return }
    let lane = Lane(tenant: tenant, product: .workplace)
    let sealed = vault.sealPayload([1, 2, 3], job: job, lane: lane)
    try hold((try? vault.openPayload(sealed, job: job, lane: lane)) == [1, 2, 3], "a sealed payload opens")
}

extension [UInt8] {
    /// Changes, cuts or lengthens the bytes at a place that the input names.
    mutating func alter(by input: inout FuzzInput) {
        let place = (Int(input.byte()) << 8 | Int(input.byte())) % (count + 1)
        let value = input.byte()
        switch value & 3 {
        case 0 where place < count: self[place] ^= input.byte()
        case 1: removeSubrange(place...)
        case 2: append(value)
        default: if place < count { remove(at: place) } else { insert(value, at: 0) }
        }
    }
}
