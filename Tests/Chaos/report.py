"""The report of a run, printed and as JSON."""

import collections
import dataclasses
import json

SHOWN = 12


def figures(run, sampler, recoveries, schedule, findings):
    """All that was measured, for machines."""
    world, load = run.world, run.load
    endings = [event for found in run.endings.values() for event in found.values()]
    lost = [job for job in run.jobs if not run.endings.get(job.key)]
    doubled = [text for text in findings.get("every confirmed job has one ending", []) if " ended " in text]
    return {
        "seed": world.seed,
        "seconds": round(world.elapsed()),
        "workers": len(world.fleet.members),
        "tenants": len({lane.tenant for lane in load.lanes}),
        "jobs published": load.published,
        "of these repeated on purpose": load.duplicates,
        "publications that could not be routed": load.unroutable,
        "jobs confirmed": len(run.jobs),
        "terminal events": len(endings),
        "lost": len(lost),
        "doubled": len(doubled),
        "duplicate services": len(findings.get("no service stands twice", [])),
        "services in Autotask": sum(len(database.services()) for database in load.databases.values()),
        "calls to Autotask": world.calls.calls,
        "endings by type": dict(sorted(collections.Counter(event["type"].removeprefix("autotask.") for event in endings).items())),
        "faults": {
            fault.name: {"begun": fault.times, "hit": fault.effective, **({"skipped": fault.skipped} if fault.skipped else {})}
            for fault in schedule
        },
        "workers that ended by themselves": [dataclasses.asdict(exit) for exit in world.fleet.exits],
        "starts of workers": {member.name: member.starts for member in world.fleet.members},
        "recoveries": recoveries,
        "memory and descriptors": sampler.summary(),
        "poison": world.poisoned,
        "findings": findings,
    }


def print_table(result, say, directory):
    say("")
    for name in (
        "jobs published",
        "of these repeated on purpose",
        "publications that could not be routed",
        "jobs confirmed",
        "terminal events",
        "lost",
        "doubled",
        "duplicate services",
        "services in Autotask",
        "calls to Autotask",
    ):
        say(f"  {name:<40} {result[name]:>8}")
    say("  endings: " + ", ".join(f"{count} {kind}" for kind, count in result["endings by type"].items()))
    say("")
    say(f"  {'fault':<28} {'begun':>6} {'hit':>6}")
    for name, fault in result["faults"].items():
        say(f"  {name:<28} {fault['begun']:>6} {fault['hit']:>6}" + (f"   skipped: {fault['skipped']}" if "skipped" in fault else ""))
    say("")
    say(f"  {'recovery':<58} {'count':>5} {'median':>8} {'most':>8}")
    for kind, taken in result["recoveries"].items():
        say(f"  {kind:<58} {taken['count']:>5} {taken['median s']:>6} s {taken['max s']:>6} s")
    say("")
    say(f"  {'worker':<12} {'what':<14} {'min':>8} {'median':>8} {'max':>8}   first and last third")
    for worker, summary in result["memory and descriptors"].items():
        for what in ("resident KiB", "descriptors"):
            found = summary[what]
            say(
                f"  {worker:<12} {what:<14} {found['min']:>8} {found['median']:>8} {found['max']:>8}   "
                f"{found['first third']} → {found['last third']}"
            )
    exits = collections.Counter((exit["status"], exit["line"][26:150]) for exit in result["workers that ended by themselves"])
    if exits:
        say("")
        say("  Workers that ended by themselves, and were started again:")
        for (status, line), count in exits.most_common(SHOWN):
            say(f"  {count:>4} × {status}: {line}")
    say("")
    broken = {name: found for name, found in result["findings"].items() if found}
    for name, found in result["findings"].items():
        say(f"  {'✗' if found else '✓'} {name}" + (f": {len(found)}" if found else ""))
        for text in found[:SHOWN]:
            say(f"      {text}")
        if len(found) > SHOWN:
            say(f"      … and {len(found) - SHOWN} more")
    say("")
    if broken:
        say(f"{len(broken)} of {len(result['findings'])} checks failed. Logs and store are kept in {directory}")
    else:
        say("Nothing lost, nothing doubled.")


def write(result, path):
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
