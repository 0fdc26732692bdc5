"""A malicious Autotask costs bounded memory and time, and harms only its own tenant."""

import pathlib
import re
import time

import pytest

import hostile
from tenants import by_key, codes, plan

# What a job may end with whose tenant's Autotask answers nothing that can be used.
UNUSABLE = {"autotask_unavailable", "timeout", "network"}
# Answers that can be used, and end a job at once. A foreign record with a name of the plan holds that name, although its price is beyond reading.
EXPECTED = {"a price beyond all": {"service_name_conflict"}}
# Beyond what the worker held before, for all attacks at once. 24 answers of 3 MiB, with what is parsed of them, are far below.
MEMORY = 256 << 20


def peak_memory(worker):
    """The most memory that the process ever held, in bytes."""
    status = pathlib.Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10


@pytest.fixture
def zones(simulator):
    zones = {name: hostile.HostileZone(simulator, attack) for name, attack in hostile.attacks().items()}
    yield zones
    for zone in zones.values():
        zone.close()


def moved(tenant, zone):
    """Has the look-up say that the tenant lives in a zone, and connects it there."""
    tenant.database.fault(
        "status", status=200, contentType="application/json", body=zone.information(tenant.database.number), operation="zoneInformation"
    )
    return tenant.connect_job().publish()


@pytest.mark.timeout(240)
def test_every_attack_at_once_harms_its_own_tenant_alone(other_worker, new_tenant, simulator, zones, capsys):
    worker = other_worker
    worker.start(AUTOTASK_ALLOWED_HOSTS=",".join([simulator.host, *(zone.host for zone in zones.values())]), RETRY_ATTEMPTS="2")
    honest = [new_tenant().connected() for _ in range(4)]
    victims = {name: new_tenant() for name in zones}
    for name, connect in [(name, moved(victims[name], zone)) for name, zone in zones.items()]:
        victims[name].expect(connect.ending(), "connection.established")
    for tenant in honest:
        tenant.expect(tenant.sync(), "sync.succeeded")
    before = peak_memory(worker)

    begun = time.monotonic()
    jobs = {name: tenant.publish("sync", plan()) for name, tenant in victims.items()}
    ended, slowest, rounds = {}, 0, 0
    while len(ended) < len(jobs):
        # The honest ones' jobs succeed meanwhile, with changes, and at once.
        for number, tenant in enumerate(honest):
            changed = plan(acknowledge=["price_changed"])
            changed["services"][number]["unitPrice"] = str(100 + rounds)
            asked = time.monotonic()
            job = tenant.publish("sync", changed)
            data = tenant.expect(job.ending(20), "sync.succeeded")
            slowest = max(slowest, time.monotonic() - asked)
            assert by_key(data)[f"service-{number + 1}"]["outcome"] == "updated"
            assert [event for event in job.events if event["type"] == "autotask.job.deferred"] == []
        rounds += 1
        for name, job in jobs.items():
            if job.endings and name not in ended:
                ended[name] = time.monotonic() - begun
        assert time.monotonic() - begun < 150, f"never ended: {set(jobs) - set(ended)}"

    for name, job in jobs.items():
        (ending,) = job.endings
        assert ending["type"] == "autotask.sync.failed", (name, ending)
        if name in EXPECTED:
            assert set(codes(ending["data"])) == EXPECTED[name], (name, ending)
        else:
            assert set(codes(ending["data"])) <= UNUSABLE, (name, ending)
            # It was tried again.
            assert zones[name].attacks >= 2, name
        assert len(victims[name].database.writes()) == 0, name
    grown = peak_memory(worker) - before
    with capsys.disabled():
        print(f"\n{len(jobs)} attacks in {max(ended.values()):.0f} s: {before >> 20} MiB before, {grown >> 20} MiB more at most;")
        print(f"{rounds * len(honest)} honest jobs meanwhile, the slowest in {slowest:.2f} s")
        for name, seconds in sorted(ended.items(), key=lambda entry: entry[1]):
            print(f"  {seconds:6.1f} s  {zones[name].attacks:4} calls  {name}: {'/'.join(sorted(set(codes(jobs[name].endings[0]['data']))))}")
    assert grown < MEMORY


def test_a_database_that_always_fails_does_not_close_its_zone(new_tenant):
    """It shares its host with the others, and fails whenever it is tried again."""
    bad, good = new_tenant().connected(), new_tenant().connected()
    fault = bad.database.fault("closeBeforeReading", entity="Services", operation="query")
    job = bad.publish("sync", plan())
    rounds = 0
    # Failures in a row, as the zone counts them: no other tenant calls until there are more than would close it.
    bad.database.await_calls(4, seconds=60, operation="query")
    while rounds < 5:
        honest = good.publish("sync", plan())
        good.expect(honest.ending(), "sync.succeeded")
        assert [event for event in honest.events if event["type"] == "autotask.job.deferred"] == []
        rounds += 1
    fault.clear()
    bad.expect(job.ending(90), "sync.succeeded")


def test_what_a_hostile_zone_says_of_other_hosts_is_not_followed(other_worker, new_tenant, simulator):
    """Links to the next page, redirects and everything else that names a host: the secret is sent to no other host."""
    trap = hostile.Trap()
    zone = hostile.HostileZone(simulator, hostile.pages(f"http://{trap.host}/next"))
    try:
        other_worker.start(AUTOTASK_ALLOWED_HOSTS=f"{simulator.host},{zone.host},{trap.host}", RETRY_ATTEMPTS="2")
        tenant = new_tenant()
        tenant.expect(moved(tenant, zone).ending(), "connection.established")
        tenant.expect(tenant.publish("sync", plan()).ending(90), "sync.failed", "autotask_unavailable")
        assert zone.attacks > 100
        for status in (301, 302, 303, 307, 308):
            zone.attack = hostile.last(f"HTTP/1.1 {status} Go\r\nLocation: http://{trap.host}/\r\nContent-Length: 0\r\n\r\n".encode())
            tenant.expect(tenant.publish("sync", plan()).ending(90), "sync.failed", "autotask_unavailable")
        assert (trap.connections, trap.received) == (0, b"")
    finally:
        zone.close()
        trap.close()
