"""Secrets of every kind work, and appear nowhere."""

import base64
import json
import urllib.parse

import pytest

ODD = ['é:;%"\\', f"{'Long-b81e0d47':-<300}", "inner  spaces", "tab\tand ünïcödé 雲 \U0001f512", "'; DROP TABLE job; --", "%s%n{}${jndi:x}"]


@pytest.mark.parametrize("secret", ODD, ids=["punctuation", "300 characters", "spaces", "unicode", "SQL", "formats"])
def test_an_odd_secret_connects_and_syncs(new_tenant, secret):
    # Unique, so that it is recognized where it should not be.
    tenant = new_tenant(secret if len(secret) == 300 else f"{secret}-{len(ODD)}f3a9c1{secret}")
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")


def test_a_wrong_odd_secret_is_refused(new_tenant, secrets):
    tenant = new_tenant()
    wrong = 'Wrong-é:;%"\\-5b1d77'
    secrets.append(wrong)
    tenant.expect(tenant.connect(secret=wrong), "connection.failed", "credentials_invalid")


def forms(secret):
    """A secret as it might show up."""
    data = secret.encode()
    yield data
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield urllib.parse.quote(secret).encode()
    yield base64.b64encode(data).rstrip(b"=")
    yield base64.urlsafe_b64encode(data).rstrip(b"=")
    yield data.hex().encode()


@pytest.mark.last
@pytest.mark.timeout(300)
def test_no_secret_in_store_logs_events_or_dead_letters(worker, monitor, broker, secrets):
    """Looks while the worker runs, so that the write-ahead log is there too."""
    places = [path for path in worker.directory.glob("worker.*") if path.is_file()]
    assert worker.store_path in places and worker.log_path in places
    haystacks = {path.name: path.read_bytes() for path in places}
    haystacks["events"] = b"\n".join(monitor.bodies)
    haystacks["the broker's log"] = b"".join(path.read_bytes() for path in broker.directory.rglob("*.log"))
    vendor = worker.settings["AUTOTASK_INTEGRATION_CODE"]
    for secret in {*secrets, vendor}:
        if len(secret) < 8:
            continue
        for form in forms(secret):
            found = [name for name, data in haystacks.items() if form in data]
            assert found == [], f"{secret!r} as {form[:40]!r} in {found}"


@pytest.mark.last
def test_the_store_is_for_its_owner_only(worker):
    for path in worker.directory.glob("worker.sqlite*"):
        assert path.stat().st_mode & 0o077 == 0, f"{path.name} may be read by others"
    assert (worker.directory / "keys.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.last
def test_the_events_never_show_a_whole_user_name(monitor):
    established = [
        event for event in monitor.events if event.get("type") == "autotask.connection.established" and "username" in event["data"]
    ]
    assert established and all("…" in event["data"]["username"] for event in established)
