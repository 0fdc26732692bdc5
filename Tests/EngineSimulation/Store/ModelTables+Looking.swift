import Contract
import Store

/// Lists of lanes and jobs for operators. The model looks at all of its rows.
extension ModelTables {
    var overviews: [LaneOverview] {
        lanes.map { row in
            LaneOverview(
                lane: row.lane,
                epoch: row.state.epoch,
                connection: row.state.connection?.status,
                isEnabled: row.state.isEnabled,
                waitingJobs: unfinished(row.lane).count { !$0.isScheduled },
                services: row.state.bindings.count,
                syncedServices: row.state.bindings.count { $0.status == .synced },
                heldUpBy: unfinished(row.lane).first { $0.pausedBy != nil || $0.callsFail }?.lastDeferral?.code.rawValue,
                lastCode: jobs.last { $0.lane == row.lane && $0.finishedAt != nil }?.code
            )
        }.sorted { ($0.lane.tenant.description, $0.lane.product.rawValue) < ($1.lane.tenant.description, $1.lane.product.rawValue) }
    }

    func detail(of lane: Lane) -> LaneDetail? {
        guard let index = index(of: lane) else { return nil }
        let finished = jobs.filter { $0.lane == lane && $0.finishedAt != nil }
            .sorted { $0.job.order > $1.job.order }
        return LaneDetail(
            lane: lane,
            state: lanes[index].whole,
            unfinished: unfinished(lane),
            finished: finished.prefix(20).compactMap { row in
                guard let finishedAt = row.finishedAt, let event = row.event else { return nil }
                return LaneDetail.Finished(
                    id: row.job.id,
                    kind: row.wasRefused ? nil : row.job.kind,
                    acceptedAt: row.job.acceptedAt,
                    finishedAt: finishedAt,
                    event: event.event.type,
                    code: row.code,
                    apiCalls: row.job.apiCalls
                )
            }
        )
    }

    func lanes(_ selection: LaneSelection, after lane: Lane?, limit: Int) -> LanePage {
        let name = { (lane: Lane) in (lane.tenant.description, lane.product.rawValue) }
        let rest = overviews.filter { overview in
            selection.includes(overview) && (lane.map { name($0) < name(overview.lane) } ?? true)
        }
        return LanePage(lanes: Array(rest.prefix(limit)), next: rest.count > limit ? rest[limit - 1].lane : nil)
    }

    // MARK: Jobs

    func found(_ selection: JobSelection, before cursor: JobCursor?, limit: Int, reach: Int) -> JobFinding {
        var finding = JobFinding()
        let rows = rows(for: selection, before: cursor)
        for row in rows {
            guard finding.jobs.count < limit, finding.looked < reach else { return finding }
            finding.looked += 1
            let endedAt = selection.order == .end ? row.finishedAt : nil
            finding.backTo = endedAt ?? row.job.acceptedAt
            finding.next = JobCursor(order: row.job.order, endedAt: endedAt)
            let job = found(row)
            if !row.job.isScheduled, selection.includes(job) { finding.jobs.append(job) }
        }
        if finding.looked < reach, finding.jobs.count < limit { finding.next = nil }
        return finding
    }

    func failedJobs(since: Timestamp, before cursor: JobCursor?, limit: Int) -> [FailedJob] {
        rows(for: JobSelection(state: .failed, since: since), before: cursor).prefix(limit).compactMap { row in
            guard let endedAt = row.finishedAt, let code = row.code else { return nil }
            return FailedJob(
                order: row.job.order,
                endedAt: endedAt,
                code: code,
                kind: row.wasRefused ? nil : row.job.kind,
                tenant: row.lane.tenant.description
            )
        }
    }

    /// The rows that a search looks at, in its order.
    private func rows(for selection: JobSelection, before cursor: JobCursor?) -> [JobRow] {
        switch selection.order {
        case .acceptance:
            jobs.reversed().filter { row in
                guard row.job.order < cursor?.order ?? .max else { return false }
                guard let tenant = selection.tenant else { return !selection.isUnfinished || row.finishedAt == nil && !row.job.isScheduled }
                let isOfLane = row.lane.tenant == tenant && (selection.product.map { $0 == row.lane.product } ?? true)
                return isOfLane && (row.finishedAt == nil ? selection.mayBeUnfinished && !row.job.isScheduled : !selection.isUnfinished)
            }
        case .end:
            jobs.filter { row in
                guard found(row).isFailed, let endedAt = row.finishedAt, endedAt >= selection.since ?? endedAt else { return false }
                return cursor.map { (endedAt, row.job.order) < ($0.endedAt ?? endedAt, $0.order) } ?? true
            }.sorted { ($0.finishedAt ?? $0.job.acceptedAt, $0.job.order) > ($1.finishedAt ?? $1.job.acceptedAt, $1.job.order) }
        }
    }

    private func found(_ row: JobRow) -> FoundJob {
        let state: FoundJob.State
        if let finishedAt = row.finishedAt, let event = row.event {
            state = .ended(at: finishedAt, event.event.type, code: row.code)
        } else if lanes.contains(where: { $0.lane == row.lane && $0.hold.running == row.job.order }) {
            state = .running
        } else if row.job.pausedBy != nil {
            state = .paused(until: row.job.notBefore)
        } else if row.job.attempts > 0 || row.job.interruptions > 0 || row.job.heldUp > 0 {
            state = .retrying(notBefore: row.job.notBefore, code: row.job.lastDeferral?.code.rawValue)
        } else {
            state = .waiting(notBefore: row.job.notBefore)
        }
        return FoundJob(
            order: row.job.order,
            lane: row.lane,
            id: row.job.id,
            kind: row.wasRefused ? nil : row.job.kind,
            publisher: row.job.publisher,
            acceptedAt: row.job.acceptedAt,
            state: state,
            attempts: row.job.attempts,
            apiCalls: row.job.apiCalls
        )
    }
}

extension QueuedJob {
    /// Whether it was put off because calls failed, and has not ended since.
    fileprivate var callsFail: Bool {
        guard lastDeferral?.code != .held else { return false }
        return heldUp > 0 || attempts > (notBefore == nil ? 1 : 0)
    }
}
