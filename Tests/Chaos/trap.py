"""A trap in the store for one message: the transaction that would accept it fails, until the message is recorded as poison.

The worker is then stuck after it counted the message and before it accepted it, until a fault kills it there. So the message behaves like
one that kills every worker that reads it.
"""

import contextlib
import hashlib
import sqlite3

NAME = "chaos_poison"


class Trap:
    def __init__(self, path, body):
        self.path = path
        self.sha256 = hashlib.sha256(body).hexdigest()

    def set(self):
        self.execute(
            f"""CREATE TRIGGER {NAME} BEFORE INSERT ON dead_letters
                WHEN NEW.sha256 = X'{self.sha256}' AND NEW.reason <> 'poison'
                BEGIN SELECT RAISE(ABORT, 'chaos: a poison message'); END"""
        )

    def remove(self):
        self.execute(f"DROP TRIGGER IF EXISTS {NAME}")

    def execute(self, statement):
        with contextlib.closing(sqlite3.connect(self.path, timeout=20, isolation_level=None)) as store:
            store.execute(statement)
