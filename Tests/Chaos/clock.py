"""A clock of one process's own, by libfaketime: the machine's is never set."""

import os
import pathlib
import shutil
import signal
import subprocess

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
IS_THERE = LIBRARY is not None and shutil.which("faketime") is not None


class Clock:
    """How far the clock is from the machine's stands in a file, which libfaketime reads at each look."""

    def __init__(self, path):
        self.path = path
        self.keeper = None
        self.set(0)

    def set(self, seconds):
        self.path.write_text(f"{seconds:+d}\n", encoding="ascii")

    def environment(self):
        """What a process is started with to live by this clock.

        The shared memory comes from the `faketime` command: a process that libfaketime makes it for has its environment moved, and
        Swift then does not find the arguments that stand before it.
        """
        self.release()
        self.keeper = subprocess.Popen(
            ["faketime", "-f", "+0", "sh", "-c", 'echo "$FAKETIME_SHARED"; unset LD_PRELOAD; exec sleep infinity'],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_SHARED": self.keeper.stdout.readline().strip(),
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def release(self):
        if self.keeper is not None:
            os.killpg(self.keeper.pid, signal.SIGTERM)
            self.keeper.wait(timeout=10)
            self.keeper.stdout.close()
            self.keeper = None
