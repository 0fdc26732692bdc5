"""Reads the workers' store beside them, and never writes it."""

import contextlib
import sqlite3


class StoreView:
    def __init__(self, path):
        self.path = path

    def rows(self, query, *parameters):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as store:
            return store.execute(query, parameters).fetchall()

    def held_by(self, process_id):
        """The (tenant, product, job id) that a process is working on; nothing where the store cannot be read."""
        try:
            return self.rows(
                """SELECT lanes.tenant, lanes.product, jobs.job_id FROM lanes JOIN workers ON workers.id = lanes.worker
                   JOIN jobs ON jobs.place = lanes.running WHERE workers.process LIKE ?""",
                f"% {process_id} %",
            )
        except sqlite3.Error:
            return []

    def workers(self):
        """How many workers have joined and not been taken for dead."""
        try:
            return self.rows("SELECT COUNT(*) FROM workers")[0][0]
        except sqlite3.Error:
            return 0

    def unfinished(self):
        return self.rows("SELECT tenant, job_id, kind, attempts, interruptions, not_before FROM jobs WHERE finished_at IS NULL")

    def open_journal(self):
        return self.rows(
            """SELECT tenant, product, plan, service_key, operation, state FROM journal
               JOIN lanes ON lanes.id = journal.lane WHERE state <> 'verified'"""
        )

    def held_lanes(self):
        return self.rows(
            "SELECT tenant, product, worker FROM lanes WHERE worker IS NOT NULL OR running IS NOT NULL OR occupied IS NOT NULL"
        )

    def unpublished(self):
        return self.rows("SELECT tenant, type, event_id FROM outbox")

    def dead_letters_of(self, sha256):
        """The reasons of what is recorded of a message, by its body's SHA-256 in hex."""
        return self.rows("SELECT reason FROM dead_letters WHERE sha256 = ?", bytes.fromhex(sha256))

    def integrity(self):
        return [row[0] for row in self.rows("PRAGMA integrity_check")]
