"""Invariants after all faults. Each function yields the violations, one sentence for each, with tenant and job."""

import base64
import collections
import datetime
import decimal
import json
import urllib.parse

import contract

WRITES = ("create", "patch", "put")
MAXIMUM_INTERRUPTIONS = 5
# No call leaves with less of the lease to go.
LEASE_MARGIN_SECONDS = 10
# A connect has its first call refused, looks the zone up again, and may try once more.
REFUSALS = 2


# An update that the simulated Autotask commits late is there by then.
LATEST_COMMIT = 9


class Run:
    """What the checks look at: the jobs, the journal's events, Autotask's calls and services, the store."""

    def __init__(self, world, events):
        self.world = world
        self.load = world.load
        self.events = events
        self.jobs = world.load.jobs
        self.by_id = {}
        for event in events:
            self.by_id.setdefault(event["id"], event)
        self.endings = collections.defaultdict(dict)
        for event in events:
            if event["terminal"]:
                self.endings[event["subject"], event["jobid"]].setdefault(event["id"], event)
        self.job_of = {job.key: job for job in self.jobs}

    def era(self, event):
        """How many backups had been restored when an event came."""
        received = self.world.live.received_at.get(event["id"])
        return sum(received is not None and received > moment for moment in self.world.restores)

    def calls_of(self, lane):
        """The calls to Autotask that were made as a lane's user, in the order of their arrival."""
        if not hasattr(self, "by_user"):
            self.by_user = collections.defaultdict(list)
            for database in self.load.databases.values():
                for call in database.all_calls():
                    self.by_user[(call["user"] or "").lower()].append(call)
        return self.by_user[lane.user.lower()]

    def of_lane(self, lane, event_type=None):
        """A lane's numbered events in their order, each once."""
        found = [
            event
            for event in self.by_lane().get((lane.tenant, lane.product), [])
            if event_type is None or event["type"] == contract.EVENT_PREFIX + event_type
        ]
        return sorted(found, key=lambda event: (event["epoch"], int(event["sequence"])))

    def by_lane(self):
        if not hasattr(self, "lanes"):
            self.lanes = collections.defaultdict(list)
            for event in self.by_id.values():
                if "sequence" in event:
                    self.lanes[event["subject"], event["product"]].append(event)
        return self.lanes


# 1


def every_confirmed_job_has_one_ending(run):
    for job in run.jobs:
        endings = run.endings.get(job.key, {})
        if not endings:
            yield f"{job.kind} {job.id} of {job.tenant} was confirmed and has no terminal event"
            continue
        eras = collections.Counter(run.era(event) for event in endings.values())
        for era, count in eras.items():
            if count > 1:
                reported = [f"{event['type']} {event['id']}" for event in endings.values() if run.era(event) == era]
                yield f"{job.kind} {job.id} of {job.tenant} ended {count} times: {reported}"


def every_ending_is_of_a_known_job(run):
    for (tenant, job_id), endings in run.endings.items():
        if (tenant, job_id) not in run.job_of:
            yield f"nobody published {job_id} of {tenant}, which ended as {[event['type'] for event in endings.values()]}"


def endings_are_those_of_the_kind(run):
    for job in run.jobs:
        for event in run.endings.get(job.key, {}).values():
            if event["type"].removeprefix(contract.EVENT_PREFIX) not in contract.endings(job.kind):
                yield f"{job.kind} {job.id} of {job.tenant} ended as {event['type']}"


def conflicts_are_told_and_nothing_else_is_one(run):
    """A second job under the id of another is `job.conflict`; the same job once more never is."""
    reported = {(event["subject"], event["jobid"]) for event in run.events if event["type"] == "autotask.job.conflict"}
    for tenant, job_id in sorted(run.load.conflicts - reported):
        yield f"{tenant}: another job was published under the id {job_id}, and no job.conflict reports it"
    for tenant, job_id in sorted(reported - run.load.conflicts):
        yield f"{tenant}: job.conflict for {job_id}, which was only ever published with one content"


# 2


def no_service_stands_twice(run):
    for database in run.load.databases.values():
        by_marker, by_name = collections.defaultdict(list), collections.defaultdict(list)
        for entry in database.services():
            by_marker[entry["internalID"]].append(entry["id"])
            by_name[entry["name"].strip().lower()].append(entry["id"])
        for what, found in (("marker", by_marker), ("name", by_name)):
            for value, ids in found.items():
                if value and len(ids) > 1:
                    yield f"database {database.number} holds services {ids} with the same {what} {value!r}"


def no_late_update_changes_what_was_reported(run):
    """Until an update that comes late must have arrived, its service is not reported as Synced.

    The moment of an event is by its worker's clock, which may be wrong, and it may be received late: both have to lie in between.
    """
    for lane in run.load.lanes:
        late = [call for call in run.calls_of(lane) if call["fault"] == "lateCommit" and call["operation"] == "patch" and call["itemId"]]
        for call in late:
            begun = moment(call["startedAt"])
            for event in run.of_lane(lane, "sync.succeeded") + run.of_lane(lane, "sync.incomplete"):
                made, received = moment(event["time"]), run.world.live.received_at.get(event["id"], 0)
                if begun + 2 < made < begun + LATEST_COMMIT and begun + 2 < received and reports_synced(event, call["itemId"]):
                    yield f"{lane.name}: service {call['itemId']} in {event['type']} {made - begun:.1f} s after an update that came late"


def reports_synced(event, service):
    return any(
        result["autotaskServiceId"] == service
        and result["status"] == "Synced"
        and result["outcome"] != "notAttempted"
        and not result.get("error")
        for result in event["data"].get("services", [])
    )


def nothing_is_written_after_a_reset(run):
    """Between the receipt of a reset's event and the next connect's publication. Both clocks are the machine's, which is never set."""
    for window in run.load.windows:
        if window.received_at is None:
            continue
        lane = window.lane
        for call in run.calls_of(lane):
            at = moment(call["startedAt"])
            if call["operation"] in WRITES and at > window.received_at and (window.until is None or at < window.until):
                yield f"{lane.name}: {call['method']} {call['path']} {at - window.received_at:.1f} s after the reset {window.job.id}"


# 3


def sequences_have_no_gap(run):
    numbers = collections.defaultdict(dict)
    for event in run.by_id.values():
        if "sequence" not in event:
            continue
        key = event["subject"], event["product"], event["epoch"]
        other = numbers[key].setdefault(int(event["sequence"]), event)
        if other["id"] != event["id"]:
            yield f"{key}: sequence {event['sequence']} is {other['type']} {other['id']} and {event['type']} {event['id']}"
    for key, found in numbers.items():
        missing = sorted(set(range(1, max(found) + 1)) - set(found))
        if missing:
            yield f"{key}: sequences {missing[:10]} are missing of {max(found)}"


def a_repeated_event_is_the_same_event(run):
    for event in run.events:
        first = run.by_id[event["id"]]
        if event != first and event["data"].get("erased") is not True and first["data"].get("erased") is not True:
            yield f"{event['type']} {event['id']} of {event['subject']} was published with two contents"


def the_monitor_saw_what_the_journal_holds(run):
    live = {event["id"] for event in run.world.live.events if "sequence" in event}
    held = {event["id"] for event in run.by_id.values() if "sequence" in event}
    for event_id in sorted(held - live)[:5]:
        event = run.by_id[event_id]
        yield f"{event['type']} {event_id} of {event['subject']} is in the journal, and no monitor got it"
    for event_id in sorted(live - held)[:5]:
        yield f"a monitor got {event_id}, which is not in the journal"


# 4


def refused_credentials_are_hardly_tried(run):
    """Two calls for each set of credentials that was refused, and two for each sudden death of a worker that held a job of the lane.

    One more for each refusal that was lost on its way: the worker did not receive it.
    """
    for lane in run.load.lanes:
        refused = [call for call in run.calls_of(lane) if call["status"] == 401 and not was_through_another_zone(run, call)]
        if not refused:
            continue
        causes = set()
        for job in lane.jobs:
            for event in run.endings.get(job.key, {}).values():
                if job.kind == "connect" and event["type"] != "autotask.connection.established":
                    causes.add(job.id)
        losses = sum(event["type"] == "autotask.connection.lost" for event in run.of_lane(lane))
        changes = len(lane.password_changes)
        deaths = sum((lane.tenant, lane.product) == held[:2] for _, _, all_held in run.world.kills for held in all_held)
        lost = sum(any(abs(moment(call["startedAt"]) - at) < 1 for call in refused) for at in run.world.calls.unheard[lane.user.lower()])
        allowed = REFUSALS * (len(causes) + max(losses, changes) + deaths) + lost
        if len(refused) > allowed:
            yield (
                f"{lane.name}: {len(refused)} calls with refused credentials, for {len(causes)} connects that failed, "
                f"{changes} changes of the password, {deaths} interruptions and {lost} lost answers"
            )


def was_through_another_zone(run, call):
    """A moved zone's old host refuses everybody: that says nothing of credentials."""
    moves = run.world.moves.get(call["database"], [])
    at = moment(call["startedAt"])
    zone = "AE02"
    for moved_at, to in moves:
        # About the moment of the move, either may be.
        if abs(moved_at - at) < 1:
            return True
        if moved_at <= at:
            zone = to
    return call["zone"] is not None and call["zone"] != zone


def at_most_two_calls_at_once(run):
    """But for what cannot be helped: a call that is under way for longer than the end of a lease is waited for, and a worker whose clock is
    set ahead by more than clocks may differ, which takes over from the living (see the page on the proof)."""
    calls = run.world.calls
    for at, database, ages, line in calls.too_many:
        is_clock_set = any(begin <= at <= end + 5 for begin, end in run.world.clock_settings)
        limit = calls.limit * (2 if is_clock_set else 1)
        if sum(age <= LEASE_MARGIN_SECONDS for age in ages) > limit:
            yield f"database {database}: calls in progress at once for {ages} s, with {line}"


def services_are_as_the_last_plan_says(run):
    """For each lane whose last sync succeeded: every service of that plan, with its managed fields, and each once."""
    for lane in run.load.lanes:
        syncs = [
            event
            for event in run.of_lane(lane)
            if event["terminal"] and event["type"].startswith("autotask.sync.") and event["jobid"] is not None
        ]
        if not syncs or syncs[-1]["type"] != "autotask.sync.succeeded":
            continue
        last = syncs[-1]
        job = run.job_of.get((lane.tenant, last["jobid"]))
        results = {result["key"]: result for result in last["data"].get("services", [])}
        if job is None or not results:
            continue
        held = {entry["id"]: entry for entry in lane.database.services()}
        for service in job.envelope["data"]["services"]:
            result = results.get(service["key"])
            entry = held.get(result and result["autotaskServiceId"])
            where = f"{lane.name}: {service['key']} of sync {job.id}, revision {job.envelope['data'].get('revision')}"
            if entry is None:
                yield f"{where}: Autotask has no service {result and result['autotaskServiceId']}"
                continue
            wanted = (service["name"], money(service["unitPrice"]), money(service["unitCost"]), service["billingCodeId"])
            has = (entry["name"], money(entry["unitPrice"]), money(entry["unitCost"]), entry["billingCodeID"])
            if wanted != has:
                yield f"{where}: Autotask has {has}, the plan says {wanted}"


def the_last_sync_is_the_newest_plan(run):
    """No sync that ran to its end was of a lower revision than one before it, within an era."""
    for lane in run.load.lanes:
        highest = {}
        for event in run.of_lane(lane):
            job = run.job_of.get((lane.tenant, event.get("jobid")))
            if job is None or job.kind != "sync" or event["type"] != "autotask.sync.succeeded":
                continue
            revision, era = job.envelope["data"].get("revision"), run.era(event)
            if revision is not None and revision < highest.get(era, revision):
                yield f"{lane.name}: sync {job.id} of revision {revision} succeeded after revision {highest[era]}"
            highest[era] = max(highest.get(era, 0), revision or 0)


# 5


def nothing_from_before_a_reset_runs_after_it(run):
    for lane in run.load.lanes:
        resets = {}
        for event in run.of_lane(lane, "integration.reset"):
            job = run.job_of.get((lane.tenant, event["jobid"]))
            if job is not None:
                resets[job.number] = event
        for number, reset in resets.items():
            for job in lane.jobs[:number]:
                for event in run.endings.get(job.key, {}).values():
                    if run.era(event) == run.era(reset) and event["epoch"] > reset["epoch"]:
                        yield (
                            f"{lane.name}: {job.kind} {job.id} was published before the reset {reset['jobid']} of epoch {reset['epoch']}, "
                            f"and ended as {event['type']} in epoch {event['epoch']}"
                        )


# 6


def poison_is_abandoned_alone(run):
    guilty = {(poison["tenant"], poison["job"]) for poison in run.world.poisoned}
    for (tenant, job_id), endings in run.endings.items():
        if any(event["type"] == "autotask.job.abandoned" for event in endings.values()) and (tenant, job_id) not in guilty:
            deaths = [f"{name} at {at:.0f}" for at, name, held in run.world.kills if any(tenant == other[0] for other in held)]
            yield f"{job_id} of {tenant} was abandoned, a bystander; workers that died with a job of it: {deaths}"


# 7


def the_store_is_lawful(run):
    store = run.world.store
    for text in store.integrity():
        if text != "ok":
            yield f"SQLite: {text}"
    for row in store.unfinished():
        names = ("tenant", "job", "kind", "attempts", "interruptions", "not before")
        yield "unfinished in the store: " + ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
    for row in store.held_lanes():
        yield f"a lane is held though no worker runs: tenant {row[0]}, {row[1]}, by {row[2]}"
    for row in store.unpublished():
        yield f"unpublished in the store: {row[1]} {row[2]} of {row[0]}"
    succeeded = set()
    for lane in run.load.lanes:
        syncs = [event for event in run.of_lane(lane) if event["terminal"] and event["type"].startswith("autotask.sync.")]
        if syncs and syncs[-1]["type"] == "autotask.sync.succeeded":
            succeeded.add((lane.tenant, lane.product))
    for row in store.open_journal():
        # A sync that failed with a write whose outcome is not known leaves it to the next one.
        if (row[0], row[1]) in succeeded:
            yield f"the last sync of {row[0]}, {row[1]} succeeded, and a write is open: {row[2:]}"
    for lane in json.loads(run.world.cli("tenant", "list", "--json")):
        if lane["waitingJobs"]:
            yield f"tenant list: {lane['waitingJobs']} jobs wait for {lane['tenant']}, {lane['product']}"


def doctor_finds_nothing_to_mend(run):
    """No worker runs any more, and dead letters of refused messages are expected. Nothing else may have even a warning.

    Passwords change in Autotask, and the run may end before the portal connects that tenant again. The broker's users are not checked: the
    fleet has no administrator.
    """
    report = json.loads(run.world.cli("doctor", "--thorough", "--json", expect=(0, 1)))
    expected = {"workers", "door", "dead letters", "settings", "topology", "store", "clock", "integrations"}
    reported = set(open_writes_that_were_reported(run))
    for name, checks in report["checks"].items():
        for check in checks:
            if name == "writes" and reported.issuperset(check["output"].rpartition(": ")[2].rstrip(".").split(", ")):
                continue
            if check["status"] == "fail" or (check["status"] == "warn" and name not in expected and check.get("made", True)):
                yield f"doctor says of {name}: {check['output']}"


def open_writes_that_were_reported(run):
    """Services with an error in a lane's last sync: `outcome_unknown`, for example after a restored backup, or one of the plan that comes first."""
    for lane in run.load.lanes:
        syncs = [
            event
            for event in run.of_lane(lane)
            if event["type"].removeprefix(contract.EVENT_PREFIX) in ("sync.succeeded", "sync.incomplete", "sync.failed")
        ]
        for service in syncs[-1]["data"].get("services", []) if syncs else []:
            if service.get("error"):
                yield f"{lane.tenant}/{lane.product} {service['key']}"


# 8


def no_secret_is_anywhere(run):
    """Every secret begins with the run's canary: it is looked for raw, in hex and in base64 at each of the three offsets."""
    canary = run.world.canary.encode()
    forms = {canary, canary.hex().encode(), canary.hex().upper().encode(), urllib.parse.quote(canary).encode()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + canary)
        # Without the characters that hold bits of its neighbours.
        forms.add(encoded[offset + 1 if offset else 0 : len(encoded) // 4 * 4 - 4])
    directory = run.world.directory
    places = [*directory.glob("worker-*.log"), *run.world.disk.path.glob("worker.sqlite*"), *directory.glob("backup-*")]
    places += directory.joinpath("broker").rglob("*.log")
    for path in places:
        data = path.read_bytes()
        for form in forms:
            if form in data:
                yield f"a secret is in {path}, as {form[:24]!r}"
    for event in run.events:
        data = json.dumps(event, ensure_ascii=False).encode()
        if any(form in data for form in forms):
            yield f"a secret is in {event['type']} {event['id']} of {event['subject']}"


def events_keep_the_contract(run):
    yield from run.world.live.take_problems()


def faults_saw_nothing_unlawful(run):
    yield from run.world.violations


ALL = (
    every_confirmed_job_has_one_ending,
    every_ending_is_of_a_known_job,
    endings_are_those_of_the_kind,
    conflicts_are_told_and_nothing_else_is_one,
    no_service_stands_twice,
    no_late_update_changes_what_was_reported,
    nothing_is_written_after_a_reset,
    sequences_have_no_gap,
    a_repeated_event_is_the_same_event,
    the_monitor_saw_what_the_journal_holds,
    refused_credentials_are_hardly_tried,
    at_most_two_calls_at_once,
    services_are_as_the_last_plan_says,
    the_last_sync_is_the_newest_plan,
    nothing_from_before_a_reset_runs_after_it,
    poison_is_abandoned_alone,
    the_store_is_lawful,
    doctor_finds_nothing_to_mend,
    no_secret_is_anywhere,
    events_keep_the_contract,
    faults_saw_nothing_unlawful,
)


def check(run):
    """By the name of each check, what does not hold."""
    return {check.__name__.replace("_", " "): list(check(run)) for check in ALL}


def money(value):
    return decimal.Decimal(str(value))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
