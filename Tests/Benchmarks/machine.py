"""The machine that a benchmark runs on: the CPU that processes and the whole machine have used, and a probe of its speed."""

import os
import pathlib
import subprocess
import time

import programs

TICKS = os.sysconf("SC_CLK_TCK")
CPUS = os.cpu_count()


def cpu(*pids):
    """CPU seconds of processes so far."""
    seconds = 0.0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def memory(pid, what):
    """Megabytes of a process, by a line of its status: `VmRSS` now, `VmHWM` at most."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(what)) / 1024


def busy():
    """CPU seconds that the machine has spent on all processes and interrupts."""
    user, nice, system, _, _, irq, softirq = pathlib.Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:8]
    return sum(map(int, (user, nice, system, irq, softirq))) / TICKS


class Foreign:
    """The CPU that others use: all of the machine's, without that of the processes of the benchmark.

    CPU of processes that end meanwhile counts as foreign, except that of this process.
    """

    def __init__(self, *pids):
        self.begun, self.busy = time.monotonic(), busy()
        self.known = {pid: cpu(pid) for pid in (*pids, os.getpid())}

    def cores(self, *started):
        """How many cores others used on average; `started` are processes that were started since."""
        ours = sum(cpu(pid) - before for pid, before in self.known.items() if pathlib.Path(f"/proc/{pid}").exists()) + cpu(*started)
        return max(busy() - self.busy - ours, 0) / (time.monotonic() - self.begun)


class Probe:
    """Measures the machine's speed, and waits a bounded time until it is as fast as it was before."""

    def __init__(self, patience):
        self.patience = patience
        self.best = min(self.measure() for _ in range(5))

    def measure(self):
        """Milliseconds of two threads that read memory."""
        milliseconds = float(subprocess.run([programs.path("probe")], capture_output=True, text=True, check=True).stdout)
        self.best = min(milliseconds, getattr(self, "best", milliseconds))
        return milliseconds

    def wait(self):
        """Returns the last measurement: at most 1.5 times the best one, unless the patience ended."""
        deadline = time.monotonic() + self.patience
        while (milliseconds := self.measure()) > 1.5 * self.best and time.monotonic() < deadline:
            time.sleep(0.2)
        return milliseconds
