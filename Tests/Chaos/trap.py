"""A trap in the store for one message: the transaction that would take it in fails, until it is taken in as poison.

What takes it in is then stuck between having counted the message and having taken it in, for as long as a fault needs to kill it there:
which is what a message looks like that kills whoever reads it.
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
