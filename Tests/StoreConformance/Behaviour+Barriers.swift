import Contract
import Store
import Testing

extension Behaviour {
    /// What workers hold back, as they stored it.
    static let barriers: [Behaviour] = [
        Behaviour("a worker's barriers replace those that it stored before") { bench in
            #expect(try await bench.barriers() == [])
            let zone = CallBarrier(.zone(host: "webservices14.autotask.net"), .outage, since: Bench.start, until: bench.time(5))
            let usage = CallBarrier(.database(7), .usage, since: Bench.start, percent: 75)
            try await bench.store.replaceBarriers(of: bench.worker, with: [zone, usage], at: Bench.start)
            #expect(Set(try await bench.barriers()) == [zone, usage])
            // The probe of an outage may be late.
            #expect(Set(try await bench.barriers(at: bench.time(9))) == [zone, usage])
            let later = bench.time(5) + CallBarrier.outageMemory
            _ = try await bench.store.renew(bench.worker, until: later + .seconds(15), at: Bench.start)
            #expect(try await bench.barriers(at: later) == [usage])
            let digest = CallBarrier(.credentials([1, 255]), .outage, since: bench.time(1), until: bench.time(2))
            try await bench.store.replaceBarriers(of: bench.worker, with: [digest], at: bench.time(1))
            #expect(try await bench.barriers(at: bench.time(1)) == [digest])
            try await bench.store.replaceBarriers(of: bench.worker, with: [], at: bench.time(1))
            #expect(try await bench.barriers(at: bench.time(1)) == [])
        },
        Behaviour("a worker's barriers go with it, except for what Autotask asked for") { bench in
            let limit = CallBarrier(.database(7), .limit, since: Bench.start, until: bench.time(100))
            let others = [
                CallBarrier(.database(7), .share, since: Bench.start, until: bench.time(100)),
                CallBarrier(.database(8), .outage, since: Bench.start, until: bench.time(100)),
                CallBarrier(.database(9), .usage, since: Bench.start, percent: 50),
            ]
            try await bench.store.replaceBarriers(of: bench.worker, with: [limit] + others, at: Bench.start)
            #expect(try await bench.barriers(at: bench.time(14)).count == 4)
            #expect(try await bench.barriers(at: bench.time(15)) == [limit])
            let heir = WorkerID("heir")
            _ = try await bench.store.join(heir, until: bench.time(200), at: bench.time(30))
            #expect(try await bench.barriers(at: bench.time(30)) == [limit])
            #expect(try await bench.barriers(at: bench.time(100)) == [])
            await bench.expectFenced("a worker that is gone") {
                try await bench.store.replaceBarriers(of: bench.worker, with: others, at: bench.time(30))
            }
            try await bench.store.replaceBarriers(of: heir, with: [], at: bench.time(100))
            #expect(try await bench.barriers(at: bench.time(30)) == [])
        },
        Behaviour("a bounded number of a worker's barriers is stored") { bench in
            let many = (0..<Int64(CallBarrier.limit) + 9).map {
                CallBarrier(.database($0), .outage, since: Bench.start, until: bench.time(60))
            }
            try await bench.store.replaceBarriers(of: bench.worker, with: many, at: Bench.start)
            #expect(try await bench.barriers().count == CallBarrier.limit)
        },
        Behaviour("limits are stored before outages of databases, since a later worker has to know them") { bench in
            let outages = (0..<Int64(CallBarrier.limit)).map {
                CallBarrier(.database($0), .outage, since: Bench.start, until: bench.time(60))
            }
            let limit = CallBarrier(.database(999), .limit, since: bench.time(1), until: bench.time(60))
            try await bench.store.replaceBarriers(of: bench.worker, with: outages + [limit], at: bench.time(1))
            let stored = try await bench.barriers(at: bench.time(1))
            #expect(stored.count == CallBarrier.limit && stored.contains(limit))
        },
        Behaviour("a limit that a worker stored whose clock was ahead holds nothing back") { bench in
            let limit = CallBarrier(.database(5), .limit, since: bench.time(10), until: bench.time(86_410))
            try await bench.store.replaceBarriers(of: bench.worker, with: [limit], at: bench.time(10))
            #expect(try await bench.barriers(at: Bench.start) == [limit])
            #expect(try await bench.barriers(at: Bench.start - .milliseconds(1)) == [])
        },
        Behaviour("a job is not hastened before the time that Autotask asked for, except a reset") { bench in
            try await bench.connect([.one, .two], database: 5)
            try await bench.accept(.job("a"), .job("r", .two, .reset))
            for claim in try await bench.claim().claims { try await bench.put(claim, off: 600, because: .rateLimited, at: Bench.start) }
            let limit = CallBarrier(.database(5), .limit, since: Bench.start, until: bench.time(60))
            let other = CallBarrier(.database(6), .limit, since: Bench.start, until: bench.time(600))
            try await bench.store.replaceBarriers(of: bench.worker, with: [limit, other], at: Bench.start)
            let (a, r) = (JobID("a")!, JobID("r")!)
            let refused = try await bench.store.hasten(a, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(59))
            #expect(refused == .limited(database: 5, until: bench.time(60)))
            #expect(try await bench.store.hasten(r, of: Lane.two.tenant, by: .systemUser(9), at: bench.time(59)) == .done)
            #expect(try await bench.store.hasten(a, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(60)) == .done)
        },
        Behaviour("the situation of a lane has the barriers in force, and where its calls go") { bench in
            try await bench.connect([.one], database: 5)
            let barrier = CallBarrier(.database(5), .outage, since: Bench.start, until: bench.time(60))
            try await bench.store.replaceBarriers(of: bench.worker, with: [barrier], at: Bench.start)
            try await bench.accept(.job("a", .two))
            let connected = try #require(try await bench.store.situation(of: .one, at: Bench.start))
            let record = ConnectionRecord.of(database: 5)
            let reach = LaneSituation.Reach(apiURL: record.zone.apiURL, database: 5, credentials: record.credentialsDigest)
            #expect(connected.reach == reach && connected.barriers == [barrier])
            let unconnected = try await bench.store.situation(of: .two, at: Bench.start)
            #expect(unconnected?.reach == nil && unconnected?.barriers == [barrier])
        },
        Behaviour("jobs that wait for a database whose zone works are summed up by the database, with its barrier") { bench in
            try await bench.connect([.one], database: 5)
            try await bench.connect([.two], database: 6)
            try await bench.accept(.job("a"), .job("b", .two))
            for claim in try await bench.claim().claims {
                try await bench.put(claim, off: 9, because: .autotaskUnavailable, at: Bench.start)
            }
            let barrier = CallBarrier(.database(5), .outage, since: Bench.start, until: bench.time(5))
            try await bench.store.replaceBarriers(of: bench.worker, with: [barrier], at: Bench.start)
            let groups = try await bench.store.waiting(at: Bench.start).groups
            let found = Dictionary(uniqueKeysWithValues: groups.map { ($0.cause, $0.barrier) })
            #expect(
                found == [
                    .retry(.autotaskUnavailable, database: 5, zone: nil): barrier,
                    .retry(.autotaskUnavailable, database: nil, zone: "webservices14"): nil,
                ]
            )
            let zone = CallBarrier(.zone(host: "webservices14.autotask.net"), .outage, since: Bench.start, until: bench.time(5))
            try await bench.store.replaceBarriers(of: bench.worker, with: [barrier, zone], at: Bench.start)
            let all = try await bench.store.waiting(at: Bench.start).groups
            #expect(all.map(\.cause) == [.retry(.autotaskUnavailable, database: nil, zone: "webservices14")] && all[0].barrier == zone)
        },
        Behaviour("an event is unconfirmed until it is forgotten") { bench in
            let entry = try #require(try await bench.run("a").last)
            let other = try #require(try await bench.run("b", .two).last)
            let found = try #require(try await bench.store.unconfirmed(entry.event))
            #expect(found == UnconfirmedEvent(since: entry.event.event.time, awaitsErasure: false))
            try await bench.store.forgetPublished([entry.position])
            #expect(try await bench.store.unconfirmed(entry.event) == nil)
            #expect(try await bench.store.unconfirmed(other.event) != nil)
        },
    ]
}

extension Bench {
    fileprivate func barriers(at now: Timestamp = Bench.start) async throws -> [CallBarrier] { try await store.barriers(at: now) }
}
