import Contract
import GRDB
import Store

/// The tables, and how older files come to have them.
enum Schema {
    /// Marks the file as a store, in SQLite's own header: "atwk".
    static let applicationID: Int64 = 0x6174_776B

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { try $0.execute(sql: version1) }
        migrator.registerMigration("2") { database in
            try database.execute(sql: version2)
            // Letters of version 1 tell no more of their cause than a reason.
            for reason in try String.fetchAll(database, sql: "SELECT DISTINCT reason FROM dead_letters") {
                let fingerprint = FailureCause(reason: reason).fingerprint
                try database.execute(sql: "UPDATE dead_letters SET fingerprint = ? WHERE reason = ?", arguments: [fingerprint, reason])
            }
        }
        migrator.registerMigration("3") { try $0.execute(sql: version3) }
        migrator.registerMigration("4") { try $0.execute(sql: version4) }
        migrator.registerMigration("5") { try $0.execute(sql: version5) }
        migrator.registerMigration("6") { try $0.execute(sql: version6) }
        migrator.registerMigration("7") {
            try $0.execute(sql: version7)
            try normalizePlanIDs($0)
        }
        return migrator
    }

    /// Earlier versions kept the id of a plan as it was written. Where both spellings of one plan are there, the normal one stays.
    private static func normalizePlanIDs(_ database: Database) throws {
        for table in ["plans", "bindings", "journal"] {
            for plan in try String.fetchAll(database, sql: "SELECT DISTINCT plan FROM \(table)") {
                let normalized = plan.normalizedPlanID
                guard !normalized.utf8.elementsEqual(plan.utf8) else { continue }
                try database.execute(sql: "UPDATE OR IGNORE \(table) SET plan = ? WHERE plan = ?", arguments: [normalized, plan])
            }
        }
        // A job that waits is of the same plan as the next that is accepted.
        for plan in try String.fetchAll(database, sql: "SELECT DISTINCT plan FROM jobs WHERE plan IS NOT NULL AND finished_at IS NULL") {
            let normalized = plan.normalizedPlanID
            guard !normalized.utf8.elementsEqual(plan.utf8) else { continue }
            try database.execute(
                sql: "UPDATE jobs SET plan = ? WHERE plan = ? AND finished_at IS NULL",
                arguments: [normalized, plan]
            )
        }
    }

    /// Moments are milliseconds since 1970. Indexes are few and partial: each costs time in every transaction.
    private static let version1 = """
        PRAGMA application_id = \(applicationID);

        -- Workers that are there, or whose leases are not yet over.
        CREATE TABLE workers (
            id TEXT PRIMARY KEY NOT NULL,
            lease_until INTEGER NOT NULL,
            process TEXT
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
            -- 0 if a reset or connect is among the unfinished jobs, otherwise 1.
            rank INTEGER NOT NULL DEFAULT 1,
            -- Its place in line while it is free and has something to do now ...
            turn INTEGER,
            -- ... and while it has not: when it will have.
            wake_at INTEGER,
            -- The Autotask database that it is connected to, the one at which it found no place, and the one at which it has one.
            database_id INTEGER,
            wanted INTEGER,
            occupied INTEGER,
            UNIQUE (tenant, product)
        );
        CREATE INDEX lanes_in_line ON lanes (rank, turn) WHERE turn IS NOT NULL;
        CREATE INDEX lanes_waiting ON lanes (wake_at) WHERE wake_at IS NOT NULL;
        CREATE INDEX lanes_occupying ON lanes (occupied) WHERE occupied IS NOT NULL;

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
            event_time INTEGER,
            epoch INTEGER,
            sequence INTEGER,
            data BLOB,
            UNIQUE (tenant, job_id)
        );
        CREATE INDEX jobs_unfinished ON jobs (lane, place) WHERE finished_at IS NULL;
        CREATE INDEX jobs_with_data ON jobs (finished_at) WHERE data IS NOT NULL;

        -- The highest revision of a sync that ran.
        CREATE TABLE plans (
            lane INTEGER NOT NULL REFERENCES lanes (id),
            plan TEXT NOT NULL,
            revision INTEGER NOT NULL,
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

        -- Apart from what they seal: a reset destroys them first.
        CREATE TABLE credential_keys (
            lane INTEGER PRIMARY KEY REFERENCES lanes (id),
            wrapped_key BLOB NOT NULL
        );

        CREATE TABLE refused_credentials (
            lane INTEGER PRIMARY KEY REFERENCES lanes (id),
            digest BLOB NOT NULL,
            refused_at INTEGER NOT NULL,
            code TEXT NOT NULL
        );

        CREATE TABLE billing_codes (
            lane INTEGER PRIMARY KEY REFERENCES lanes (id),
            read_at INTEGER NOT NULL,
            codes BLOB NOT NULL
        );

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

        -- Writes to Autotask whose outcome is not settled.
        CREATE TABLE journal (
            lane INTEGER NOT NULL REFERENCES lanes (id),
            plan TEXT NOT NULL,
            service_key TEXT NOT NULL,
            operation TEXT NOT NULL,
            state TEXT NOT NULL,
            autotask_id INTEGER,
            entered_at INTEGER NOT NULL,
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
            data BLOB NOT NULL
        );

        CREATE TABLE dead_letters (
            id INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            detail TEXT NOT NULL,
            sha256 BLOB NOT NULL,
            size INTEGER NOT NULL,
            queue TEXT NOT NULL,
            routing_key TEXT NOT NULL,
            publisher TEXT,
            tenant TEXT,
            job_id TEXT
        );

        CREATE TABLE redeliveries (
            sha256 BLOB PRIMARY KEY NOT NULL,
            count INTEGER NOT NULL,
            at INTEGER NOT NULL
        ) WITHOUT ROWID;
        """

    /// Dead letters of jobs, the copies that they are redriven as, and the memory of several refused credentials.
    private static let version2 = """
        -- What the job is a copy of, when it comes from a redriven dead letter.
        ALTER TABLE jobs ADD COLUMN redrive_of TEXT;
        -- The attempts that did not end it, as JSON objects behind commas; NULL once it has ended.
        ALTER TABLE jobs ADD COLUMN history TEXT;
        -- How often it was put off, uncounted, because Autotask did not work.
        ALTER TABLE jobs ADD COLUMN held_up INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox ADD COLUMN redrive_of TEXT;

        -- Several of a lane.
        ALTER TABLE refused_credentials RENAME TO refused_credentials_1;
        CREATE TABLE refused_credentials (
            lane INTEGER NOT NULL REFERENCES lanes (id),
            digest BLOB NOT NULL,
            refused_at INTEGER NOT NULL,
            code TEXT NOT NULL,
            PRIMARY KEY (lane, digest)
        ) WITHOUT ROWID;
        INSERT INTO refused_credentials SELECT lane, digest, refused_at, code FROM refused_credentials_1;
        DROP TABLE refused_credentials_1;

        ALTER TABLE dead_letters RENAME TO dead_letters_1;
        CREATE TABLE dead_letters (
            id INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            kind TEXT,
            code TEXT,
            field TEXT,
            fingerprint TEXT NOT NULL,
            -- NULL once it is erased.
            detail TEXT,
            tenant TEXT,
            product TEXT,
            job_id TEXT,
            publisher TEXT,
            -- Of a message.
            sha256 BLOB,
            size INTEGER,
            queue TEXT,
            exchange TEXT,
            routing_key TEXT,
            death TEXT,
            -- Of a job that was accepted, as they were in its row.
            place INTEGER,
            accepted_at INTEGER,
            attempts INTEGER,
            interruptions INTEGER,
            held_up INTEGER,
            history TEXT,
            revision INTEGER,
            traceparent TEXT,
            redrive_of TEXT,
            -- Sealed; NULL for a connect, and once it is the copy's, or erased.
            payload BLOB,
            redriven_as TEXT,
            redriven_at INTEGER
        );
        INSERT INTO dead_letters (id, at, reason, fingerprint, detail, tenant, job_id, publisher, sha256, size, queue, routing_key)
            SELECT id, at, reason, '', detail, tenant, job_id, publisher, sha256, size, queue, routing_key FROM dead_letters_1;
        DROP TABLE dead_letters_1;
        CREATE UNIQUE INDEX dead_letters_deaths ON dead_letters (death) WHERE death IS NOT NULL;
        INSERT OR REPLACE INTO counters (name, value) SELECT 'letter', COALESCE(MAX(id), 0) FROM dead_letters;
        """

    /// The audit log. What its rows mean stands in `Store/Audit`.
    private static let version3 = """
        -- Each row's code covers all of its columns and the code of the row before it. There is no index: the log is written far more often than
        -- it is searched.
        CREATE TABLE audit (
            number INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            action TEXT NOT NULL,
            actor TEXT NOT NULL,
            tenant TEXT,
            product TEXT,
            job_id TEXT,
            publisher TEXT,
            -- A JSON object.
            facts TEXT NOT NULL,
            -- Names and prices, under the lane's credentials key.
            sealed BLOB,
            mac BLOB NOT NULL
        );

        -- Its ends, each with a code of its own: 'head', and 'anchor' where the beginning was forgotten.
        CREATE TABLE audit_marks (
            name TEXT PRIMARY KEY NOT NULL,
            number INTEGER NOT NULL,
            mac BLOB NOT NULL,
            tag BLOB NOT NULL
        ) WITHOUT ROWID;
        """

    /// Keys that were retired: nothing that is sealed under one of them may come in any more.
    private static let version4 = """
        CREATE TABLE retired_keys (
            id TEXT PRIMARY KEY NOT NULL,
            retired_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        """

    /// What the worker looks at by itself, and the jobs that do it.
    private static let version5 = """
        -- A row for each kind of check, as long as the lane has a connection.
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
        INSERT INTO checks (lane, kind) SELECT lane, kind FROM connections, (SELECT 'verify' AS kind UNION SELECT 'drift');

        -- Whether it is a check of the worker's own: it has no payload, and its row goes when it has ended. The rank of a lane that has nothing else
        -- to do is 2.
        ALTER TABLE jobs ADD COLUMN is_scheduled INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX jobs_scheduled ON jobs (lane) WHERE is_scheduled <> 0;
        """

    /// What `sync show` tells of jobs.
    private static let version6 = """
        -- What it asks for, as it may be shown: a JSON object. NULL before the first attempt has ended, and once it is erased.
        ALTER TABLE jobs ADD COLUMN asked BLOB;
        -- All attempts that have ended and what they called, as JSON objects behind commas; NULL once it is erased.
        ALTER TABLE jobs ADD COLUMN account TEXT;
        CREATE INDEX jobs_with_account ON jobs (finished_at) WHERE account IS NOT NULL;
        """

    /// Bounds that keep one tenant, one reader, one event or one mistake from stopping the others.
    private static let version7 = """
        -- Lanes: bounded claims.
        -- Which services of a lane, or of the lanes of a database, are bound to one in Autotask.
        CREATE INDEX bindings_services ON bindings (lane, autotask_id) WHERE autotask_id IS NOT NULL;
        CREATE INDEX connections_databases ON connections (database_id);
        -- Unfinished jobs that a portal asked for.
        ALTER TABLE lanes ADD COLUMN backlog INTEGER NOT NULL DEFAULT 0;
        UPDATE lanes SET backlog =
            (SELECT COUNT(*) FROM jobs WHERE jobs.lane = lanes.id AND finished_at IS NULL AND is_scheduled = 0);
        -- The revision that a job stands for: its own, or where it has none the highest of those that it superseded.
        ALTER TABLE jobs ADD COLUMN standing INTEGER;
        UPDATE jobs SET standing = revision WHERE finished_at IS NULL;
        -- In the order of acceptance where they are due, behind these by the time for which they wait.
        DROP INDEX jobs_unfinished;
        CREATE INDEX jobs_unfinished ON jobs (lane, not_before) WHERE finished_at IS NULL;
        -- Jobs that wait for a time although they have written.
        CREATE INDEX jobs_written ON jobs (lane) WHERE has_written <> 0 AND not_before IS NOT NULL AND finished_at IS NULL;
        CREATE INDEX jobs_rivals ON jobs (lane, kind, plan, standing) WHERE finished_at IS NULL AND is_scheduled = 0;
        CREATE INDEX jobs_expiring ON jobs (lane, expiry)
            WHERE finished_at IS NULL AND expiry IS NOT NULL AND attempts = 0 AND interruptions = 0 AND has_written = 0;
        -- When its portal made it, if it says so: the CloudEvent's time.
        ALTER TABLE jobs ADD COLUMN requested_at INTEGER;
        -- A revision belongs to the lane's epoch, and is forgotten with the ids of jobs.
        ALTER TABLE plans ADD COLUMN ran_at INTEGER NOT NULL DEFAULT 0;
        UPDATE plans SET ran_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;

        -- Erasure, rows that are set aside.
        -- Whether the event waits until what its reset erased has left the log.
        ALTER TABLE outbox ADD COLUMN awaits_erasure INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX outbox_awaiting ON outbox (position) WHERE awaits_erasure <> 0;
        -- Why nothing is done in the lane until a worker starts again: a row of it cannot be read. NULL as a rule.
        ALTER TABLE lanes ADD COLUMN set_aside TEXT;
        CREATE INDEX lanes_set_aside ON lanes (id) WHERE set_aside IS NOT NULL;
        -- Whether its events wait until what its reset erased has left the log.
        ALTER TABLE lanes ADD COLUMN awaits_erasure INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX lanes_awaiting ON lanes (id) WHERE awaits_erasure <> 0;
        -- Data that is erased by age.
        CREATE INDEX dead_letters_by_age ON dead_letters (at);
        CREATE INDEX dead_letters_with_text ON dead_letters (at) WHERE accepted_at IS NOT NULL AND detail IS NOT NULL;
        CREATE INDEX redeliveries_by_age ON redeliveries (at);

        -- Events and messages of the broker.
        -- Of a message: its own id; of a valid job among them that the broker gave up on, with its payload, also when it was published
        -- (accepted_at), its revision and traceparent, and until when it may begin.
        ALTER TABLE dead_letters ADD COLUMN message_id TEXT;
        ALTER TABLE dead_letters ADD COLUMN expiry INTEGER;

        -- Writes to Autotask.
        -- The name that a create was sent with, if no ownership marker identifies the service.
        ALTER TABLE journal ADD COLUMN name TEXT;

        -- A short name of Autotask's answer to a write, where that left its outcome open.
        ALTER TABLE journal ADD COLUMN answer TEXT;

        -- Attempts and their deadlines.
        -- When the present attempt, or the last one, began.
        ALTER TABLE jobs ADD COLUMN begun_at INTEGER;
        -- When a job for which a person waits has to end; NULL before its first attempt.
        ALTER TABLE jobs ADD COLUMN deadline INTEGER;
        -- What the last job.deferred said: the error's code, and by how many milliseconds the job was put off.
        ALTER TABLE jobs ADD COLUMN deferred_code TEXT;
        ALTER TABLE jobs ADD COLUMN deferred_for INTEGER;
        CREATE INDEX jobs_by_deadline ON jobs (deadline) WHERE deadline IS NOT NULL AND finished_at IS NULL;
        CREATE INDEX jobs_with_deadline ON jobs (lane) WHERE deadline IS NOT NULL AND finished_at IS NULL;


        -- The store and its key ring.
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
        """
}
