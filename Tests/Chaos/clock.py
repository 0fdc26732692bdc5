"""The clock of one process, set by libfaketime; the machine's clock never changes."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
SHARED_MEMORY = pathlib.Path("/dev/shm")
ATTEMPTS = 5
IS_THERE = LIBRARY is not None and shutil.which("faketime") is not None


class Clock:
    """A file has the difference to the machine's clock; libfaketime reads it at each call."""

    def __init__(self, path):
        self.path = path
        self.keeper = None
        self.shared = ""  # The names of what the keeper shares.
        self.set(0)

    def set(self, seconds):
        self.path.write_text(f"{seconds:+d}\n", encoding="ascii")

    def environment(self):
        """The environment of a process that uses this clock.

        The shared memory comes from the `faketime` command: a process that libfaketime makes it for has its environment moved, and
        Swift then does not find the arguments before it.
        """
        # Its objects bear its process id. Where a run that was killed has left those of the same id, it fails, and another id does.
        for _ in range(ATTEMPTS):
            self.release()
            self.keeper = subprocess.Popen(
                ["faketime", "-f", "+0", "sh", "-c", 'echo "$FAKETIME_SHARED"; unset LD_PRELOAD; exec sleep infinity'],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            self.shared = self.keeper.stdout.readline().strip()
            if self.shared:
                break
        else:
            raise OSError(f"faketime shares no memory, {ATTEMPTS} times in a row: see what was left in {SHARED_MEMORY}")
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_SHARED": self.shared,
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def release(self):
        if self.keeper is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.keeper.pid, signal.SIGTERM)
            self.keeper.wait(timeout=10)
            self.keeper.stdout.close()
            self.keeper = None
            # It ended with its group, before it could take them away.
            for name in self.shared.split():
                kind = "sem." if "_sem_" in name else ""
                (SHARED_MEMORY / f"{kind}{name.removeprefix('/')}").unlink(missing_ok=True)
            self.shared = ""
