extension Schema {
    /// The tables of what is kept for operators: dead letters, background operations over them, and the audit log.
    static let operatorsTables = """
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
            -- Of a job that was accepted, as they were in its row. Of a valid job that the broker gave up on, with its payload: when it was
            -- published (accepted_at), its revision and traceparent.
            place INTEGER,
            accepted_at INTEGER,
            attempts INTEGER,
            interruptions INTEGER,
            held_up INTEGER,
            -- The attempts that did not end it, without their calls.
            history TEXT,
            revision INTEGER,
            traceparent TEXT,
            redrive_of TEXT,
            -- Sealed; NULL for a connect, and once it is the copy's, or erased.
            payload BLOB,
            redriven_as TEXT,
            redriven_at INTEGER,
            -- Of a message: its own id.
            message_id TEXT,
            -- Of a valid job that the broker gave up on: until when it may begin.
            expiry INTEGER
        );
        CREATE UNIQUE INDEX dead_letters_deaths ON dead_letters (death) WHERE death IS NOT NULL;
        CREATE INDEX dead_letters_by_age ON dead_letters (at);
        CREATE INDEX dead_letters_with_text ON dead_letters (at) WHERE accepted_at IS NOT NULL AND detail IS NOT NULL;

        -- Operators' orders over many dead letters, which workers carry out: see LetterOperation.
        CREATE TABLE operations (
            id INTEGER PRIMARY KEY,
            action TEXT NOT NULL,
            -- A JSON object.
            selection TEXT NOT NULL,
            -- The last letter that it concerns.
            last INTEGER NOT NULL,
            matched INTEGER NOT NULL,
            -- In letters a second.
            rate REAL NOT NULL,
            actor TEXT NOT NULL,
            ordered_at INTEGER NOT NULL,
            -- The letters up to this one are dealt with.
            position INTEGER NOT NULL DEFAULT 0,
            done INTEGER NOT NULL DEFAULT 0,
            skipped INTEGER NOT NULL DEFAULT 0,
            -- A JSON object: how many failed, by reason.
            failures TEXT NOT NULL DEFAULT '{}',
            begun_at INTEGER,
            -- When the next step is due.
            next_at INTEGER,
            ended_at INTEGER,
            is_cancelled INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX operations_by_end ON operations (ended_at);

        CREATE TABLE redeliveries (
            sha256 BLOB PRIMARY KEY NOT NULL,
            count INTEGER NOT NULL,
            at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX redeliveries_by_age ON redeliveries (at);

        -- The audit log (`Store/Audit`). Each row's code covers all of its columns and the code of the row before it. There is no index: the
        -- log is written far more often than it is searched.
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
}
