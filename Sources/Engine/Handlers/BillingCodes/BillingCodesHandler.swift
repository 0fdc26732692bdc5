import Autotask
import Contract
import Store

/// Lists the billing codes that can be selected: the active ones for recurring services (`Rules` L25).
struct BillingCodesHandler: JobHandler {
    func run(_ payload: BillingCodesPayload, _ context: JobContext) async -> HandlerOutcome {
        let session: TenantSession
        do { session = try TenantSession(context) } catch { return .failed(error, [failureEvent(error, context)]) }
        if !payload.refresh, let cached = context.freshBillingCodes { return .finished([listEvent(cached, context)]) }

        let codes: [BillingCode]
        do { codes = try await session.billingCodes() } catch {
            return session.outcome(of: error, reporting: failureEvent(error.error, context))
        }
        let read = ReadBillingCodes(codes: codes, readAt: context.now)
        var changes = session.changes
        changes.billingCodes = .set(read.cached)
        return .finished([listEvent(read, context)], changes: changes)
    }

    /// The job writes nothing to Autotask, so there is only the reason to report.
    func conclude(_ payload: BillingCodesPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        .failed(reason, [failureEvent(reason, context)])
    }

    private func listEvent(_ read: ReadBillingCodes, _ context: JobContext) -> Event {
        context.event(
            .billingCodesListed,
            [
                "billingCodes": .array(read.selectable.map(\.listed)),
                "readAt": .string(read.readAt.description),
            ]
        )
    }

    private func failureEvent(_ error: JobError, _ context: JobContext) -> Event {
        context.event(.billingCodesFailed, ["error": error.json])
    }
}

extension BillingCode {
    fileprivate var listed: JSON {
        ["id": JSON(id), "name": .string(name), "description": description.map(JSON.string) ?? .null]
    }
}
