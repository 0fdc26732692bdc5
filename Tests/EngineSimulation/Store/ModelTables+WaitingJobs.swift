import Contract
import Store

extension ModelTables {
    mutating func hasten(_ id: JobID, of tenant: TenantID, by actor: AuditActor, at now: Timestamp) -> WaitingJobOutcome {
        change(id, of: tenant) { tables, job, index in
            let outcome = tables.jobs[job].job.hastening(
                isRunning: tables.lanes[index].hold.running == tables.jobs[job].job.order,
                pauses: tables.pauses(ofLane: index, at: now),
                isSettling: tables.lanes[index].state.openWrites.contains { $0.state == .sent },
                limit: tables.limit(ofLane: index, at: now),
                at: now
            )
            guard outcome == .done else { return outcome }
            tables.jobs[job].job.notBefore = now
            tables.note(AuditEntry(.jobHastened, of: tables.auditedJob(job), by: actor, at: now))
            if tables.lanes[index].hold.isFree { tables.schedule(index, at: now) }
            return .done
        }
    }

    mutating func giveUp(_ id: JobID, of tenant: TenantID, by actor: AuditActor, at now: Timestamp) -> WaitingJobOutcome {
        change(id, of: tenant) { tables, job, index in
            guard tables.lanes[index].hold.running != tables.jobs[job].job.order else { return .running }
            guard !tables.jobs[job].job.isGivenUp else { return .done }
            tables.jobs[job].job.isGivenUp = true
            tables.jobs[job].job.notBefore = now
            tables.jobs[job].job.pausedBy = nil
            tables.note(AuditEntry(.jobGivenUp, of: tables.auditedJob(job), by: actor, at: now))
            if tables.lanes[index].hold.isFree { tables.schedule(index, at: now) }
            return .done
        }
    }

    private mutating func change(
        _ id: JobID,
        of tenant: TenantID,
        _ body: (inout ModelTables, _ job: Int, _ lane: Int) -> WaitingJobOutcome
    ) -> WaitingJobOutcome {
        guard let job = jobs.firstIndex(where: { $0.lane.tenant == tenant && $0.job.id == id && !$0.job.isScheduled }) else {
            return .unknown
        }
        guard jobs[job].finishedAt == nil, let lane = index(of: jobs[job].lane) else { return .ended }
        return body(&self, job, lane)
    }
}
