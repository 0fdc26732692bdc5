import GRDB
import Store

/// The tables, numbered, and the steps that bring them from one number to the next.
struct Schema: Sendable {
    /// Marks the file as a store in SQLite's own header: "atwk".
    static let applicationID: Int64 = 0x6174_776B
    /// The number of the tables of version 0.1.0, the first release. No release had a lower number.
    private static let baseline = 7

    static let current = Schema(steps: [])

    /// The first leads from the baseline to the next number.
    let steps: [@Sendable (Database) throws -> Void]

    private var number: Int { Schema.baseline + steps.count }

    /// Makes the tables, or runs the steps that an older store lacks. Each step is a transaction, which also records it.
    func migrate(_ pool: some DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("\(Schema.baseline)") { database in
            try database.execute(sql: Schema.tables)
            try database.execute(sql: Schema.operatorsTables)
        }
        for (index, step) in steps.enumerated() { migrator.registerMigration("\(Schema.baseline + index + 1)", migrate: step) }
        try migrator.migrate(pool)
    }

    /// - Throws: ``StoreError``: `newerSchema`, or `olderSchema` for a store that no step can bring up to date.
    func check(_ database: Database, of path: String) throws -> StoreFormat {
        let number = try Schema.number(of: database)
        guard number <= self.number else {
            throw StoreError(.newerSchema, "The store \(path) was written by a newer program: run that program, or a newer one.")
        }
        guard number >= Schema.baseline else {
            throw StoreError(
                .olderSchema,
                "The store \(path) was written by a version before 0.1.0, and cannot be brought up to date: run that version, or move the file away and begin with a new store."
            )
        }
        return number < self.number ? .older : .current
    }

    /// Whether a newer program has brought the store up to date.
    func isSuperseded(in database: Database) throws -> Bool { try Schema.number(of: database) > number }

    private static func number(of database: Database) throws -> Int {
        guard try database.tableExists("grdb_migrations") else { return 0 }
        return try Int.fetchOne(database, sql: "SELECT MAX(CAST(identifier AS INTEGER)) FROM grdb_migrations") ?? 0
    }

    /// Moments are milliseconds since 1970. Indexes are few and partial: each costs time in every transaction.
    private static let tables = """
        PRAGMA application_id = \(applicationID);

        CREATE TABLE identity (
            -- One row.
            only INTEGER PRIMARY KEY CHECK (only = 1),
            -- The store's own name, the same in every copy of it.
            store TEXT NOT NULL,
            -- The name of the key ring that it belongs to; NULL until a worker has run on it or its keys were rotated.
            ring TEXT,
            -- 1 in a file that `store backup` wrote: nothing runs on it.
            is_copy INTEGER NOT NULL DEFAULT 0,
            -- The inode of the file that a worker ran on last: a copy made by other means has another. NULL before that.
            file INTEGER
        );
        INSERT INTO identity (only, store) VALUES (1, lower(hex(randomblob(16))));

        -- Workers that are there, or whose leases are not yet over.
        CREATE TABLE workers (
            id TEXT PRIMARY KEY NOT NULL,
            lease_until INTEGER NOT NULL,
            process TEXT
        ) WITHOUT ROWID;

        -- Why workers hold back calls to a part of Autotask, for commands: see CallBarrier. What Autotask asked for outlives the worker.
        CREATE TABLE barriers (
            worker TEXT NOT NULL,
            part TEXT NOT NULL,
            cause TEXT NOT NULL,
            since INTEGER NOT NULL,
            until INTEGER,
            percent INTEGER,
            PRIMARY KEY (worker, part, cause)
        ) WITHOUT ROWID;

        -- What was given out last of what rises over the whole store.
        CREATE TABLE counters (
            name TEXT PRIMARY KEY NOT NULL,
            value INTEGER NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE lanes (
            id INTEGER PRIMARY KEY,
            tenant TEXT NOT NULL,
            product TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            -- Of the epoch's next event.
            next_sequence INTEGER NOT NULL,
            is_eligible INTEGER NOT NULL DEFAULT 0,
            is_enabled INTEGER NOT NULL DEFAULT 0,
            unsettled_since INTEGER,
            -- Rises with every claim.
            fence INTEGER NOT NULL DEFAULT 0,
            -- Who holds the lane, and the job that runs.
            worker TEXT,
            running INTEGER,
            -- 0 if a reset or connect is among the unfinished jobs, 2 if there are only scheduled checks, otherwise 1.
            rank INTEGER NOT NULL DEFAULT 1,
            -- Its place in line while it is free and has something to do now ...
            turn INTEGER,
            -- ... and while it has not: when it will have.
            wake_at INTEGER,
            -- The Autotask database that it is connected to, the one at which it found no place, and the one at which it has one.
            database_id INTEGER,
            wanted INTEGER,
            occupied INTEGER,
            -- Unfinished jobs that a portal asked for.
            backlog INTEGER NOT NULL DEFAULT 0,
            -- Why nothing is done in the lane until a worker starts again: a row of it cannot be read. NULL as a rule.
            set_aside TEXT,
            -- Whether its events wait until what its reset erased has left the log.
            awaits_erasure INTEGER NOT NULL DEFAULT 0,
            UNIQUE (tenant, product)
        );
        CREATE INDEX lanes_in_line ON lanes (rank, turn) WHERE turn IS NOT NULL;
        CREATE INDEX lanes_waiting ON lanes (wake_at) WHERE wake_at IS NOT NULL;
        CREATE INDEX lanes_occupying ON lanes (occupied) WHERE occupied IS NOT NULL;
        CREATE INDEX lanes_set_aside ON lanes (id) WHERE set_aside IS NOT NULL;
        CREATE INDEX lanes_awaiting ON lanes (id) WHERE awaits_erasure <> 0;

        -- Every job whose id is remembered: unfinished, finished, refused.
        CREATE TABLE jobs (
            place INTEGER PRIMARY KEY,
            lane INTEGER NOT NULL REFERENCES lanes (id),
            tenant TEXT NOT NULL,
            job_id TEXT NOT NULL,
            digest BLOB NOT NULL,
            -- NULL for what was refused.
            kind TEXT,
            plan TEXT,
            revision INTEGER,
            accepted_at INTEGER NOT NULL,
            expiry INTEGER,
            traceparent TEXT,
            publisher TEXT,
            not_before INTEGER,
            attempts INTEGER NOT NULL DEFAULT 0,
            interruptions INTEGER NOT NULL DEFAULT 0,
            has_written INTEGER NOT NULL DEFAULT 0,
            api_calls INTEGER NOT NULL DEFAULT 0,
            -- Whether the store was restored while it was unfinished.
            is_from_backup INTEGER NOT NULL DEFAULT 0,
            -- Sealed; NULL once the job has ended.
            payload BLOB,
            -- The end, and the terminal event. Its data is NULL once it is erased.
            finished_at INTEGER,
            event_id TEXT,
            event_type TEXT,
            -- The code of its error; NULL if it reports none. It stays when the data is erased.
            code TEXT,
            event_time INTEGER,
            epoch INTEGER,
            sequence INTEGER,
            data BLOB,
            -- What the job is a copy of, when it comes from a redriven dead letter.
            redrive_of TEXT,
            -- How often it was put off, uncounted, because Autotask did not work.
            held_up INTEGER NOT NULL DEFAULT 0,
            -- Whether it is a scheduled check of the worker: it has no payload, and its row goes when it has ended.
            is_scheduled INTEGER NOT NULL DEFAULT 0,
            -- What it asks for, as it may be shown: a JSON object. NULL before the first attempt has ended, and once it is erased.
            asked BLOB,
            -- Its attempts that have ended, as JSON objects with a comma behind each: see Attempt+Text. NULL once they are erased, and when it
            -- has ended without a history.
            account TEXT,
            -- The revision that a job stands for: its own, or where it has none the highest of those that it superseded.
            standing INTEGER,
            -- When its portal made it, if it says so: the CloudEvent's time.
            requested_at INTEGER,
            -- When the present attempt, or the last one, began.
            begun_at INTEGER,
            -- When a job for which a person waits has to end; NULL before its first attempt.
            deadline INTEGER,
            -- What the last job.deferred said: the error's code, and by how many milliseconds the job was put off.
            deferred_code TEXT,
            deferred_for INTEGER,
            -- Where its terminal event was put in the outbox again, the last time that its message came again.
            replayed_at INTEGER,
            -- The pause that holds it, since when, and for how many milliseconds pauses that have ended did.
            paused_by INTEGER,
            paused_since INTEGER,
            paused_for INTEGER NOT NULL DEFAULT 0,
            -- Whether an operator gave up on it: it ends at the next claim.
            is_given_up INTEGER NOT NULL DEFAULT 0,
            UNIQUE (tenant, job_id)
        );
        -- In the order of acceptance where they are due, behind these by the time for which they wait.
        CREATE INDEX jobs_unfinished ON jobs (lane, not_before) WHERE finished_at IS NULL;
        -- Jobs that wait for a time although they have written.
        CREATE INDEX jobs_written ON jobs (lane) WHERE has_written <> 0 AND not_before IS NOT NULL AND finished_at IS NULL;
        CREATE INDEX jobs_rivals ON jobs (lane, kind, plan, standing) WHERE finished_at IS NULL AND is_scheduled = 0;
        CREATE INDEX jobs_expiring ON jobs (lane, expiry)
            WHERE finished_at IS NULL AND expiry IS NOT NULL AND attempts = 0 AND interruptions = 0 AND has_written = 0;
        CREATE INDEX jobs_scheduled ON jobs (lane) WHERE is_scheduled <> 0;
        CREATE INDEX jobs_by_deadline ON jobs (deadline) WHERE deadline IS NOT NULL AND finished_at IS NULL;
        CREATE INDEX jobs_with_deadline ON jobs (lane) WHERE deadline IS NOT NULL AND finished_at IS NULL;
        CREATE INDEX jobs_paused ON jobs (paused_by) WHERE paused_by IS NOT NULL AND finished_at IS NULL;
        CREATE INDEX jobs_held ON jobs (lane) WHERE paused_by IS NOT NULL AND finished_at IS NULL AND is_scheduled = 0;
        CREATE INDEX jobs_with_data ON jobs (finished_at) WHERE data IS NOT NULL;
        CREATE INDEX jobs_with_account ON jobs (finished_at) WHERE account IS NOT NULL;
        -- The ended jobs of a lane in the order of acceptance: an index's entries of one lane are in the order of their rows.
        CREATE INDEX jobs_of_lane ON jobs (lane) WHERE finished_at IS NOT NULL;
        -- Ended jobs with an error, with all that a table of failures needs.
        CREATE INDEX jobs_failed ON jobs (finished_at, code, kind, lane) WHERE code IS NOT NULL;

        -- Orders of operators that jobs wait: see PauseScope for the scope. A row goes once nothing is held under it any more.
        CREATE TABLE pauses (
            id INTEGER PRIMARY KEY,
            scope TEXT NOT NULL,
            reason TEXT NOT NULL,
            actor TEXT NOT NULL,
            began_at INTEGER NOT NULL,
            ends_at INTEGER NOT NULL,
            -- Whether an operator ended it before its time.
            is_ended INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX pauses_of_scope ON pauses (scope, ends_at);
        CREATE INDEX pauses_by_end ON pauses (ends_at);

        -- The highest revision of a sync that ran. It belongs to the lane's epoch, and is forgotten with the ids of jobs.
        CREATE TABLE plans (
            lane INTEGER NOT NULL REFERENCES lanes (id),
            plan TEXT NOT NULL,
            revision INTEGER NOT NULL,
            ran_at INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (lane, plan)
        ) WITHOUT ROWID;

        CREATE TABLE connections (
            lane INTEGER PRIMARY KEY REFERENCES lanes (id),
            status TEXT NOT NULL,
            zone_name TEXT NOT NULL,
            zone_api_url TEXT NOT NULL,
            zone_web_url TEXT NOT NULL,
            database_id INTEGER NOT NULL,
            username TEXT NOT NULL,
            credentials BLOB NOT NULL,
            credentials_digest BLOB NOT NULL,
            can_query INTEGER NOT NULL,
            can_create INTEGER NOT NULL,
            can_update INTEGER NOT NULL,
            cost_visible INTEGER,
            service_fields BLOB NOT NULL,
            established_at INTEGER NOT NULL
        );
        CREATE INDEX connections_databases ON connections (database_id);

        -- Apart from what they seal: a reset destroys them first.
        CREATE TABLE credential_keys (
            lane INTEGER PRIMARY KEY REFERENCES lanes (id),
            wrapped_key BLOB NOT NULL
        );

        -- Keys that were retired: nothing that is sealed under one of them may come in any more.
        CREATE TABLE retired_keys (
            id TEXT PRIMARY KEY NOT NULL,
            retired_at INTEGER NOT NULL
        ) WITHOUT ROWID;

        -- Several of a lane.
        CREATE TABLE refused_credentials (
            lane INTEGER NOT NULL REFERENCES lanes (id),
            digest BLOB NOT NULL,
            refused_at INTEGER NOT NULL,
            code TEXT NOT NULL,
            PRIMARY KEY (lane, digest)
        ) WITHOUT ROWID;

        CREATE TABLE billing_codes (
            lane INTEGER PRIMARY KEY REFERENCES lanes (id),
            read_at INTEGER NOT NULL,
            codes BLOB NOT NULL
        );

        -- A row for each kind of scheduled check, as long as the lane has a connection.
        CREATE TABLE checks (
            lane INTEGER NOT NULL REFERENCES lanes (id),
            kind TEXT NOT NULL,
            -- When it is made next; NULL until a first moment is chosen.
            due_at INTEGER,
            -- A digest of what it found last; NULL for nothing.
            found TEXT,
            PRIMARY KEY (lane, kind)
        ) WITHOUT ROWID;
        CREATE INDEX checks_due ON checks (kind, due_at);

        CREATE TABLE bindings (
            lane INTEGER NOT NULL REFERENCES lanes (id),
            plan TEXT NOT NULL,
            service_key TEXT NOT NULL,
            autotask_id INTEGER,
            status TEXT NOT NULL,
            last_synced_at INTEGER,
            last_synced BLOB,
            last_error TEXT,
            PRIMARY KEY (lane, plan, service_key)
        ) WITHOUT ROWID;
        -- Which services of a lane, or of the lanes of a database, are bound to one in Autotask.
        CREATE INDEX bindings_services ON bindings (lane, autotask_id) WHERE autotask_id IS NOT NULL;

        -- Writes to Autotask whose outcome is not settled.
        CREATE TABLE journal (
            lane INTEGER NOT NULL REFERENCES lanes (id),
            plan TEXT NOT NULL,
            service_key TEXT NOT NULL,
            operation TEXT NOT NULL,
            state TEXT NOT NULL,
            autotask_id INTEGER,
            entered_at INTEGER NOT NULL,
            -- The name that a create was sent with, if no ownership marker identifies the service.
            name TEXT,
            -- A short name of Autotask's answer to a write, where that left its outcome open.
            answer TEXT,
            -- The values that this write sent, and those of earlier unsettled writes, as JSON.
            written BLOB,
            PRIMARY KEY (lane, plan, service_key)
        ) WITHOUT ROWID;

        -- Events that the broker has not confirmed.
        CREATE TABLE outbox (
            position INTEGER PRIMARY KEY,
            worker TEXT NOT NULL,
            tenant TEXT NOT NULL,
            product TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            sequence INTEGER,
            event_id TEXT NOT NULL,
            type TEXT NOT NULL,
            job_id TEXT,
            time INTEGER NOT NULL,
            traceparent TEXT,
            data BLOB NOT NULL,
            redrive_of TEXT,
            -- Whether the event waits until what its reset erased has left the log.
            awaits_erasure INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX outbox_awaiting ON outbox (position) WHERE awaits_erasure <> 0;
        """
}
