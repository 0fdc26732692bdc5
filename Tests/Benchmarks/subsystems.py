#!/usr/bin/env python3
"""Where the worker's CPU goes in unchanged syncs: a table of its subsystems in µs a job.

It runs the rounds of whole_job.py under `perf record` with DWARF stacks, and attributes each sample to a subsystem by the names in its stack.
A second table is across the subsystems: memory, reference counts, kernel, SQLite. Its lines overlap. The release build has the symbols
that this needs. Root, or a low kernel.perf_event_paranoid, is needed too, because the worker forbids tracing by its own user.

    BIN_DIR=.build/release python Tests/Benchmarks/subsystems.py [--jobs 10000] [--rounds 2] [--members 24] [--frames 30]

`--frames` also lists the functions with the most samples of their own. `--unattributed` lists the stacks that no rule names.
"""

import argparse
import collections
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import machine  # noqa: E402
import programs  # noqa: E402
from prepare import Installation, Product  # noqa: E402
from processes import poll  # noqa: E402
from rounds import one_round, start_cpu  # noqa: E402

#: The frequency of samples, and the bytes of the stack that are kept of each.
FREQUENCY, STACK = 997, 16384

#: (subsystem, part, thread, function). A thread with a name in this table has the rules with its name, and every other thread those without one.
#: The innermost function that a rule names decides; of two rules that name it, the first does. A rule without a function is for the rest.
RULES = [
    ("store thread", "complete", "store-writer", r"Transaction\.(complete|finish)|SQLiteStore\.complete"),
    ("store thread", "claim", "store-writer", r"Transaction\.claim|SQLiteStore\.claim"),
    ("store thread", "accept", "store-writer", r"Transaction\.accept|SQLiteStore\.accept"),
    ("store thread", "forget", "store-writer", r"Transaction\.(forget|published)|SQLiteStore\.(forget|published)"),
    ("store thread", "commit", "store-writer", r"Database\.commit|sqlite3BtreeCommitPhaseOne|Writer\.commit"),
    ("store thread", "resume and wait", "store-writer", None),
    ("checkpoint thread", "", "store-log", None),
    ("HTTP thread", "setting up a transfer", "http", r"TransferLoop\.start|Transfer\.begin"),
    ("HTTP thread", "kernel and libcurl", "http", r"curl_multi|^__poll|^poll"),
    ("HTTP thread", "answers and the rest", "http", None),
    ("AMQP", "publisher", "amqp-publisher", None),
    ("AMQP", "consumer", "amqp-consumer", None),
    ("AMQP", "deliveries handed over", "", r"DeliveryInbox|DeliveryBatch"),
    ("log", "", "", r"StreamLogHandler|StdioOutputStream|\.log\(|LogHandler|Logger\."),
    ("credentials", "", "", r"Vault\.(openCredentials|credentialsKey|holdsKeys)|storedCredentials|Credentials\.|holdsKeys|AutotaskCredentials"),
    ("history", "", "", r"RecordingTransport|CallTarget|note\(asked:\)|AttemptRecord|JobContext\.attempt|JobContext\.account"),
    ("Autotask client", "answer", "", r"Answer\.init|QueryPage|AutotaskService\.|Service\.init\(from|ReceivedAnswer"),
    ("Autotask client", "gate, breakers, quota", "", r"AutotaskGate|CallGate|CircuitBreaker|DatabaseQuota|CallPriority"),
    ("Autotask client", "request", "", r"AutotaskSession|HTTPTransport|CurlTransport|HostPolicy|ParsedURL|RequestBody|HTTPRequest|ZoneDirectory"),
    ("Autotask client", "request", "", r"TenantSession"),
    ("attempt", "payload opened and read", "", r"Vault\.openPayload|JobAttempt\.payload"),
    ("sync", "markers", "", r"OwnershipMarker"),
    ("sync", "event", "", r"SyncReport|ServiceResult|Event\.(init|encode)|OrderedEvent|JobContext\.event|EventMaker"),
    ("sync", "ledger, bindings", "", r"SyncLedger|ManagedFields|\.remembered"),
    ("sync", "plan, matching, memory", "", r"SyncPlanner|SyncPreparation|ServiceMatching|NameHolders|PlanMemory|NameAnswers|SyncPayload|PlanService"),
    ("sync", "rest", "", r"Sync[A-Z]\w*\."),
    ("intake", "payload sealed", "", r"Vault\.sealPayload"),
    ("intake", "message read and validated", "", r"JobMessage|JobPayload|Intake\.content|Intake\.acceptable|AMQPJobSource"),
    ("intake", "rest", "", r"Intake|FullLanes|TrustedPublishers"),
    ("attempt", "context and completion", "", r"JobAttempt|JobContext|LaneClaim|Completion\b"),
    ("lanes, outbox, audit", "", "", r"LaneRunner|LaneOrder|Outbox|AMQPEventSink|Publisher\.|AuditChain|AttemptReading"),
    ("lanes, outbox, audit", "", "", r"SQLiteStore|Writer\.|WakeDescriptor"),
    ("scheduling", "", "", None),
]

#: (what, the functions). A sample counts once for each line whose pattern one of its functions matches, up to the depth from the innermost one.
ACROSS = [
    ("malloc, free", r"^(malloc|cfree|free|calloc|realloc|_int_|malloc_|unlink_chunk|sysmalloc|arena_|tcache|swift_slow)", 6),
    ("retain, release (self)", r"^swift_(bridgeObject)?(retain|release)|^swift_nonatomic|RefCounts|swift_isUniquelyReferenced", 1),
    ("copying and destroying values", r"outlined|initializeWith|assignWith|destroy for|swift_arrayDestroy|swift_arrayInit|_deallocating_deinit", 99),
    ("array growth", r"_consumeAndCreateNew|_createNewBuffer|Array\.append|reserveCapacity", 99),
    ("hashing, dictionaries, sets", r"Hasher|_RawDictionaryStorage|_NativeDictionary|_NativeSet|Set\.|_rawHashValue|Dictionary\.", 99),
    ("JSON read", r"JSONParser|JSON\.(parsing|parse|init\(parsing)", 99),
    ("JSON written", r"JSON\.append|JSON\.encoded|appendCanonical|Event\.encode|OrderedEvent\.encoded", 99),
    ("swift-crypto and BoringSSL", r"HMAC|AES\.GCM|BoringSSL|OpenSSLDigest|OpenSSLAESGCM|SHA256|HKDF", 99),
    ("SQLite", r"^sqlite3", 99),
    ("kernel", r"\[kernel", 99),
]


class Profiled(Product):
    """The worker with a profiler on it from its first instruction on. The samples are in `file`."""

    #: A shell that becomes the worker once the profiler is there, and the file by which it knows.
    WAITING = 'while [ ! -e "$0" ]; do sleep 0.02; done; exec "$@"'

    def launch(self):
        self.file = self.store.with_suffix(".perf")
        begin = self.store.with_suffix(".begin")
        begin.unlink(missing_ok=True)
        self.worker.start(await_jobs=False, through=("sh", "-c", Profiled.WAITING, begin))
        command = ["perf", "record", "-q", "-F", str(FREQUENCY), "--call-graph", f"dwarf,{STACK}", "-o", self.file, "-p", str(self.process.pid)]
        self.profiler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        poll(lambda: self.file.exists() and self.file.stat().st_size, 20, "the start of perf", self.profiler)
        begin.touch()
        poll(lambda: "Consuming" in self.worker.log[self.worker.begun :], 20, "the worker's start", self.process)

    def stop(self):
        self.profiler.send_signal(signal.SIGINT)
        self.profiler.wait(timeout=60)
        super().stop()


def samples(file):
    """Each sample as the thread's name and its functions from the innermost one on; one of the kernel has `[kernel` in it."""
    script = subprocess.run(
        ["perf", "script", "-i", file, "--no-inline", "-F", "comm,tid,ip,sym,dso"], capture_output=True, text=True, errors="replace", check=True
    ).stdout
    found, names = [], set()
    for block in script.split("\n\n"):
        head, *lines = block.strip("\n").split("\n")
        frames = [frame for frame in map(re.compile(r"\s*[0-9a-f]+ (.*) \((.*)\)$").match, lines) if frame]
        # The shell and the main thread are the start, which a job's CPU does not include.
        if head.strip() and not head.startswith(("sh ", "sleep ", "autotask")):
            found.append((head.rpartition(" ")[0].strip(), [(frame[1], " [kernel]" if "kernel" in frame[2] else "") for frame in frames]))
            names.update(frame[1] for frame in frames)
    names = sorted(names)
    plain = subprocess.run(
        [demangler(), "-compact", "-simplified"], input="\n".join(names) + "\n", capture_output=True, text=True, check=True
    ).stdout.split("\n")
    readable = dict(zip(names, plain))
    return [(thread, [readable[name] + suffix for name, suffix in frames]) for thread, frames in found]


def demangler():
    """`swift-demangle` of the toolchain."""
    swift = shutil.which("swift")
    beside = pathlib.Path(swift).resolve().with_name("swift-demangle") if swift else None
    path = shutil.which("swift-demangle") or (beside if beside and beside.exists() else None)
    if not path:
        raise SystemExit("swift-demangle is missing: put a Swift toolchain on the PATH")
    return path


def attribute(thread, functions):
    """The subsystem and its part, by `RULES`."""
    rules = [rule for rule in RULES if rule[2] and rule[2] in thread] or [rule for rule in RULES if not rule[2]]
    for function in functions:
        for subsystem, part, _, pattern in rules:
            if pattern and re.search(pattern, function):
                return subsystem, part
    return next((subsystem, part) for subsystem, part, _, pattern in rules if pattern is None)


def report(found, cpu, options):
    """Prints the tables. `cpu` are the CPU seconds of a job, which the samples divide among them."""
    share = cpu * 1e6 / len(found)
    parts, frames, stacks = collections.Counter(), collections.Counter(), collections.Counter()
    for thread, functions in found:
        place = attribute(thread, functions)
        parts[place] += 1
        frames[functions[0] if functions else "?"] += 1
        if place[0] == "scheduling":
            stacks[" < ".join(functions[:8])] += 1
    whole = sum("clone" in functions[-1] for _, functions in found if functions) / len(found)
    print(f"\n{len(found)} samples, {whole:.0%} with a whole stack; {cpu * 1e6:.0f} µs of CPU a job; 10 µs are ± {(10 * share) ** 0.5:.1f} µs\n")
    print("| subsystem | µs a job | of which |\n|---|---|---|")
    subsystems = collections.Counter()
    for (subsystem, _), count in parts.items():
        subsystems[subsystem] += count
    for subsystem, count in subsystems.most_common():
        details = [f"{part} {found_here * share:.1f}" for (name, part), found_here in parts.most_common() if name == subsystem and part]
        print(f"| {subsystem} | {count * share:.1f} | {', '.join(details)} |")
    print("\n| across the subsystems | µs a job |\n|---|---|")
    for what, pattern, depth in ACROSS:
        count = sum(any(re.search(pattern, function) for function in functions[:depth]) for _, functions in found)
        print(f"| {what} | {count * share:.1f} |")
    if options.frames:
        print("\n| function, self | µs a job |\n|---|---|")
        for function, count in frames.most_common(options.frames):
            print(f"| `{function[:100]}` | {count * share:.1f} |")
    if options.unattributed:
        for stack, count in stacks.most_common(40):
            print(f"{count * share:6.1f} {stack[:400]}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--members", type=int, choices=(8, 24), default=24, help="members of each record")
    arguments.add_argument("--frames", type=int, default=0, help="list this many functions")
    arguments.add_argument("--unattributed", action="store_true", help="list the stacks that no rule names")
    options = arguments.parse_args()
    for tool in ("perf", "nginx"):
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is missing; deploy/benchmark installs it")
    programs.build("probe")
    with tempfile.TemporaryDirectory() as directory:
        profile(options, pathlib.Path(directory))


def profile(options, directory):
    installation = Installation(directory, options.jobs)
    try:
        installation.connect()
        installation.run(installation.jobs())
        installation.close_simulator()
        autotask, probe, found, rounds = installation.autotask(options.members), machine.Probe(10), [], []
        try:
            start = start_cpu(installation.product())
            for _ in range(options.rounds):
                side = Profiled(installation.worker, installation.store)
                rounds.append(one_round(installation, side, installation.jobs(), autotask, probe, start))
                print(f"  {rounds[-1]}", flush=True)
                found += samples(side.file)
        finally:
            autotask.stop()
    finally:
        installation.stop()
    report(found, statistics.mean(result.cpu for result in rounds), options)


if __name__ == "__main__":
    main()
