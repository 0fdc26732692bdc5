import Contract
import Store

extension ModelTables {
    func situation(of lane: Lane, at now: Timestamp) -> LaneSituation? {
        guard let index = lanes.firstIndex(where: { $0.lane == lane }) else { return nil }
        let hold = lanes[index].hold
        let waiting = unfinished(lane)
        let others = lanes.indices.filter { $0 != index }
        var view = LaneView(lane: lane, jobs: waiting, revisions: lanes[index].revisions, now: now)
        view.pauses = pauses(ofLane: index, at: now)
        var situation = LaneSituation(
            hold: hold,
            snapshot: view.snapshot,
            backlog: waiting.count { !$0.isScheduled },
            holder: hold.worker.map { worker in
                LaneSituation.Holder(
                    worker: worker,
                    leaseEnd: workers.first { $0.id == worker }?.leaseEnd,
                    job: waiting.first { $0.order == hold.running },
                    begunAt: jobs.first { $0.job.order == hold.running }?.begunAt
                )
            },
            ahead: lanesAhead(of: hold),
            occupants: hold.neededDatabase.map { database in
                others.filter { lanes[$0].hold.occupied == database }.map { lanes[$0].lane }
            } ?? [],
            isSuspectRunning: isSuspectRunning,
            setAside: nil,
            workers: workers.count { $0.leaseEnd > now }
        )
        situation.reach = lanes[index].state.connection.map {
            LaneSituation.Reach(apiURL: $0.zone.apiURL, database: $0.databaseID, credentials: $0.credentialsDigest)
        }
        situation.barriers = barriers(at: now)
        return situation
    }

    func unconfirmed(_ event: OrderedEvent) -> UnconfirmedEvent? {
        outbox.first { $0.entry.event.event.id == event.event.id }.map {
            UnconfirmedEvent(since: $0.entry.event.event.time, awaitsErasure: $0.entry.isHeld)
        }
    }

    func waiting(at now: Timestamp) -> WaitingTable {
        let occupied = Dictionary(grouping: lanes.compactMap(\.hold.occupied), by: \.self).mapValues(\.count)
        let alive = Set(workers.filter { $0.leaseEnd > now }.map(\.id))
        let surroundings = WaitingSurroundings(
            workers: alive,
            occupied: occupied,
            pauses: pauses(at: now),
            barriers: barriers(at: now)
        )
        var table = WaitingTable(surroundings, at: now)
        for row in lanes {
            let hold = row.hold
            table.take(
                unfinished(row.lane).filter { !$0.isScheduled }.map { job in
                    WaitingRow(
                        lane: row.lane,
                        order: job.order,
                        acceptedAt: job.acceptedAt,
                        notBefore: job.notBefore,
                        code: job.lastDeferral?.code,
                        pausedBy: job.pausedBy?.id,
                        isSetAside: false,
                        holder: hold.worker,
                        running: hold.running,
                        database: hold.neededDatabase,
                        apiURL: row.state.connection?.zone.apiURL
                    )
                }
            )
        }
        return table
    }

    private func lanesAhead(of hold: LaneHold) -> Int {
        guard let turn = hold.turn else { return 0 }
        return lanes.count { other in other.hold.turn.map { (other.hold.rank, $0) < (hold.rank, turn) } ?? false }
    }
}
