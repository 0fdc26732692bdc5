"""The workers: processes on one store, restarted when they end unexpectedly, as an init system would."""

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time

from processes import BIN_DIR, Worker, plain_environment

SHUTDOWN_SECONDS = 10


@dataclasses.dataclass
class Exit:
    """A worker that ended unexpectedly."""

    worker: str
    status: int
    line: str
    at: float


class Member(Worker):
    """One worker, with its own connection to the broker."""

    def __init__(self, number, directory, settings, link, clock=None):
        self.number = number
        self.name = f"worker-{number}"
        self.directory = directory
        self.log_path = directory / f"{self.name}.log"
        self.store_path = pathlib.Path(settings["STORE_URL"].removeprefix("sqlite:"))
        self.process = None
        self.link = link
        self.clock = clock
        self.settings = {**settings, "AMQP_URL": re.sub(r":\d+/", f":{link.port}/", settings["AMQP_URL"])}
        self.wanted = True
        self.lock = threading.RLock()
        self.started_at = 0.0
        self.starts = 0
        self.is_stopped = False
        self.log_begun = 0

    @property
    def pid(self):
        process = self.process
        return process.pid if process is not None and process.poll() is None else None

    def start(self):
        with self.lock:
            if self.process is not None:
                return
            clock = self.clock.environment() if self.clock is not None else {}
            self.log_begun = self.log_path.stat().st_size if self.log_path.exists() else 0
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    [BIN_DIR / "autotask-worker", "run"],
                    env=plain_environment(**self.settings, **clock),
                    cwd=self.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self.started_at = time.monotonic()
            self.starts += 1

    def kill(self):
        """kill -9. The fleet starts it again, unless it is held down."""
        with self.lock:
            if self.process is None:
                return
            self.process.kill()
            self.process.wait()
            self.process = None
            self.is_stopped = False

    def terminate(self, seconds=SHUTDOWN_SECONDS + 5):
        """SIGTERM.

        Returns: the exit status and how long it took; `None` as the status if it had to be killed.
        """
        with self.lock:
            if self.process is None:
                return 0, 0.0
            begun = time.monotonic()
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                status = None
            self.process = None
            return status, time.monotonic() - begun

    def suspend(self):
        with self.lock:
            if self.pid is not None:
                self.process.send_signal(signal.SIGSTOP)
                self.is_stopped = True

    def resume(self):
        with self.lock:
            if self.is_stopped and self.pid is not None:
                self.process.send_signal(signal.SIGCONT)
            self.is_stopped = False

    def stands_still(self):
        """Whether no thread of it is on its way, in a system call or not."""
        try:
            tasks = list(pathlib.Path(f"/proc/{self.pid}/task").iterdir())
            return all(task.joinpath("stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] in "TtZX" for task in tasks)
        except OSError:
            return True

    def limit_descriptors(self, count):
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (count, resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[1]))

    def descriptors(self):
        """The number of its open descriptors. Only root sees which; other users see the number on Linux 6.2 or newer, and 0 before."""
        folder = f"/proc/{self.pid}/fd"
        try:
            return len(os.listdir(folder))
        except PermissionError:
            return os.stat(folder).st_size

    def resident(self):
        """In KiB."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1])

    def last_line(self):
        with open(self.log_path, "rb") as log:
            log.seek(max(0, self.log_path.stat().st_size - 4000))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def log_since_start(self):
        with open(self.log_path, "rb") as log:
            log.seek(self.log_begun)
            return log.read().decode("utf-8", "replace")


class Fleet:
    """All workers, and the thread that restarts ended ones."""

    PAUSE = 1.0

    def __init__(self, members):
        self.members = members
        self.exits = []
        self.is_ending = threading.Event()
        self.thread = threading.Thread(target=self.supervise, name="supervisor", daemon=True)

    def start(self):
        for member in self.members:
            member.start()
        self.thread.start()

    def supervise(self):
        while not self.is_ending.wait(self.PAUSE):
            for member in self.members:
                if not member.lock.acquire(blocking=False):
                    continue
                try:
                    process = member.process
                    if process is not None and (status := process.poll()) is not None:
                        self.exits.append(Exit(member.name, status, member.last_line(), time.time()))
                        member.process = None
                        member.is_stopped = False
                    if member.process is None and member.wanted and not self.is_ending.is_set():
                        member.start()
                finally:
                    member.lock.release()

    @property
    def running(self):
        return [member for member in self.members if member.pid is not None]

    @contextlib.contextmanager
    def standing_still(self, seconds=10):
        """No worker is within a system call meanwhile. Workers that were stopped before stay stopped."""
        stopped = [member for member in self.running if not member.is_stopped]
        for member in stopped:
            member.suspend()
        try:
            deadline = time.monotonic() + seconds
            while not all(member.stands_still() for member in stopped) and time.monotonic() < deadline:
                time.sleep(0.01)
            yield
        finally:
            for member in stopped:
                member.resume()

    def owner_of_port(self, port):
        """The member whose connection has this local port."""
        inode = inode_of_port(port)
        for member in self.running:
            folder = f"/proc/{member.pid}/fd"
            try:
                for name in os.listdir(folder):
                    if os.readlink(f"{folder}/{name}") == f"socket:[{inode}]":
                        return member
            except OSError:
                continue
        return None

    def terminate(self):
        """SIGTERM for all at once; no worker is started again before `go_on`.

        Returns: by name, the exit status and how long it took.
        """
        for member in self.members:
            member.wanted = False
            member.resume()
        with concurrent.futures.ThreadPoolExecutor(len(self.members)) as threads:
            return dict(zip((member.name for member in self.members), threads.map(Member.terminate, self.members), strict=True))

    def go_on(self):
        for member in self.members:
            member.wanted = True

    def stop(self):
        """Ends them all in order.

        Returns: by name, the exit status and how long it took.
        """
        self.is_ending.set()
        if self.thread.is_alive():
            self.thread.join(timeout=10)
        endings = self.terminate()
        for member in self.members:
            if member.clock is not None:
                member.clock.release()
        return endings


def inode_of_port(port):
    wanted = f":{port:04X}"
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(wanted):
            return fields[9]
    return None
