"""A terminal before which a command runs, as a person would use it."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

from processes import BIN_DIR, plain_environment

STYLE = re.compile(r"\x1b\[[0-9]*m")


class Terminal:
    """Everything that a command wrote to it, and the command's exit code."""

    def __init__(self, worker, *arguments, columns=80, answer="", interrupt_after=None, program=None, **settings):
        """Runs a command to its end; `answer` is what the person types, from the beginning on.

        `interrupt_after` is a pattern: once it has been written, the person presses ctrl-C. Output is not paged, unless `PAGER` is given.
        """
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.write(controller, answer.encode())
        self.raw = b""
        self.interrupt_after = interrupt_after
        reader = threading.Thread(target=self._read, args=[controller])
        self.process = subprocess.Popen(
            [program or BIN_DIR / "autotask-worker", *arguments], env=plain_environment(**{**worker.settings, "TERM": "xterm", "PAGER": "", **settings}),
            cwd=worker.directory, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, **worker.identity,
        )  # fmt: skip
        os.close(terminal)
        reader.start()
        self.status = self.process.wait(timeout=60)
        reader.join(timeout=60)
        os.close(controller)

    def _read(self, controller):
        try:
            while part := os.read(controller, 65536):
                self.raw += part
                if self.interrupt_after and re.search(self.interrupt_after, self.raw, flags=re.S):
                    self.process.send_signal(signal.SIGINT)
                    self.interrupt_after = None
        except OSError:
            # The last user of the terminal has closed it.
            pass

    @property
    def text(self):
        return STYLE.sub("", self.raw.decode().replace("\r\n", "\n"))

    @property
    def lines(self):
        return self.text.splitlines()
