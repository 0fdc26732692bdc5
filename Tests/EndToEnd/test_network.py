"""Where the worker connects to, and by which way: the secret goes to Autotask or nowhere."""

import contextlib
import json
import sqlite3
import subprocess

import pytest

import hostile
from tenants import plan

# Of a zone, as a look-up may answer it; `{trap}` is a server that was not listed. None may be called.
ZONES = [
    "https://autotask.net.evil.example/ATServicesRest/",
    "https://evilautotask.net/ATServicesRest/",
    "https://autotask.net/ATServicesRest/",
    "https://webservices1.autotask.net./ATServicesRest/",
    "https://webservices1.autotask.net:8443/ATServicesRest/",
    "https://user:password@webservices1.autotask.net/ATServicesRest/",
    "https://webservices1.autotask.net@{trap}/ATServicesRest/",
    "http://webservices1.autotask.net/ATServicesRest/",
    "http://{trap}/ATServicesRest/",
    "https://{trap}/ATServicesRest/",
    "http://0x7f.1:{port}/ATServicesRest/",
    "http://2130706433:{port}/ATServicesRest/",
    "http://0177.0.0.1:{port}/ATServicesRest/",
    "http://[::ffff:127.0.0.1]:{port}/ATServicesRest/",
    "http://[fe80::1%25lo]:{port}/ATServicesRest/",
    "http://localhost:{port}/ATServicesRest/",
    "https://webservices1.аutotask.net/ATServicesRest/",
    "https://webservices1.xn--utotask-2ve.net/ATServicesRest/",
    "https://webservices1。autotask.net/ATServicesRest/",
    "https://{trap}%2f.autotask.net/ATServicesRest/",
    "https://{trap}%00.autotask.net/ATServicesRest/",
    "https://{trap}\\.autotask.net/ATServicesRest/",
    "https://{trap}\t.autotask.net/ATServicesRest/",
    "https://webservices1.autotask.net/\r\nHost: {trap}/",
    "https://{trap}#.autotask.net/",
    "https://{trap}?.autotask.net/",
    "ftp://webservices1.autotask.net/",
    "file:///etc/passwd",
    "//{trap}/",
    "https://" + "a" * 5000 + ".autotask.net/",
]
REFUSED = {"internal", "autotask_unavailable", "network"}


@pytest.fixture
def trap():
    trap = hostile.Trap()
    yield trap
    trap.close()
    assert (trap.connections, trap.received) == (0, b"")


def lives_at(tenant, url):
    """Makes the zone look-up answer this for a tenant."""
    zone = {"zoneName": "AE02", "url": url, "webUrl": "https://ww1.autotask.net/", "ci": tenant.database.number}
    tenant.database.fault("status", status=200, contentType="application/json", body=json.dumps(zone), operation="zoneInformation")


def test_a_look_up_that_names_another_host_gets_no_secret(other_worker, new_tenant, trap):
    other_worker.start(RETRY_ATTEMPTS="2")
    port = trap.host.rsplit(":", 1)[1]
    jobs = []
    for url in ZONES:
        tenant = new_tenant()
        lives_at(tenant, url.replace("{trap}", trap.host).replace("{port}", port))
        jobs.append((url, tenant, tenant.connect_job().publish()))
    for url, tenant, job in jobs:
        event = job.ending(60)
        assert event["type"] == "autotask.connection.failed" and event["data"]["error"]["code"] in REFUSED, (url, event)
        calls = {call["operation"] for call in tenant.database.calls()}
        assert calls == {"zoneInformation"}, (url, calls)


def test_a_zone_that_somebody_wrote_into_the_store_gets_no_secret(other_worker, new_tenant, trap):
    other_worker.start(RETRY_ATTEMPTS="2")
    tenant = new_tenant().connected()
    with contextlib.closing(sqlite3.connect(other_worker.store_path)) as store, store:
        lanes = "lane IN (SELECT id FROM lanes WHERE tenant = ?)"
        url = f"http://{trap.host}/ATServicesRest/"
        assert store.execute(f"UPDATE connections SET zone_api_url = ? WHERE {lanes}", [url, tenant.name]).rowcount == 1
    before = len(tenant.database.calls())
    assert tenant.publish("sync", plan()).ending(60)["type"] == "autotask.sync.failed"
    assert len(tenant.database.calls()) == before


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_look_up_is_redirected_nowhere(other_worker, new_tenant, trap, simulator, status):
    other_worker.start(RETRY_ATTEMPTS="1", AUTOTASK_ALLOWED_HOSTS=f"{simulator.host},{trap.host}")
    tenant = new_tenant()
    tenant.database.fault("status", status=status, headers={"Location": f"http://{trap.host}/"}, operation="zoneInformation")
    tenant.expect(tenant.connect(), "connection.failed", "autotask_unavailable")


@pytest.fixture
def hosts(tmp_path):
    """A command that becomes another, for which names of Autotask's lead to 127.77.0.1."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n127.77.0.1 webservices77.autotask.net\n")
    command = ["unshare", "-m", "sh", "-c", f'mount --bind {file} /etc/hosts && exec "$@"', "sh"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount")
    return command


def test_a_name_of_autotask_that_leads_to_a_private_address_is_not_connected_to(other_worker, new_tenant, hosts):
    try:
        trap = hostile.Trap("127.77.0.1", 443)
    except OSError as error:
        pytest.skip(f"needs port 443 of an address of its own: {error}")
    other_worker.start(through=hosts, RETRY_ATTEMPTS="2")
    tenant = new_tenant()
    lives_at(tenant, "https://webservices77.autotask.net/ATServicesRest/")
    data = tenant.expect(tenant.connect(), "connection.failed", "network")
    assert "not public" in data["error"]["message"]
    assert "AUTOTASK_ALLOWED_HOSTS" in data["error"]["hint"]
    assert trap.connections == 0
    trap.close()


def test_the_surroundings_choose_no_proxy_and_no_password(other_worker, tenant, trap, tmp_path):
    proxy = f"http://{trap.host}"
    (tmp_path / ".curlrc").write_text(f'proxy = "{proxy}"\ninsecure\n')
    (tmp_path / ".netrc").write_text("default login somebody password else\n")
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    other_worker.start(HOME=str(tmp_path), CURL_HOME=str(tmp_path), NETRC=str(tmp_path / ".netrc"), **dict.fromkeys(names, proxy))
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")


def test_a_proxy_that_is_set_is_used_whatever_the_surroundings_say(other_worker, tenant, simulator):
    proxy = hostile.ConnectProxy()
    try:
        surroundings = {"NO_PROXY": "*", "no_proxy": "*"}
        other_worker.start(AUTOTASK_PROXY=f"http://worker:hunter2@{proxy.host}", **surroundings)
        tenant.connected()
        tenant.expect(tenant.sync(), "sync.succeeded")
        assert proxy.requests
        for head in proxy.requests:
            assert head.startswith(f"CONNECT {simulator.host} HTTP/1.1\r\n".encode())
            assert b"Proxy-Authorization: Basic d29ya2VyOmh1bnRlcjI=\r\n" in head
            assert tenant.secret.encode() not in head and b"Secret" not in head
        assert "hunter2" not in other_worker.log
    finally:
        proxy.close()


def test_a_proxy_s_password_is_not_shown_and_a_proxy_that_is_none_is_refused(worker):
    shown = worker.cli("run", "--print-config", AUTOTASK_PROXY="http://worker:hunter2@127.0.0.1:3128")
    assert "http://worker:…@127.0.0.1:3128" in shown and "hunter2" not in shown
    for wrong in ("127.0.0.1:3128", "https://127.0.0.1:3128", "socks5://worker:hunter2@127.0.0.1:1080", "http://127.0.0.1:3128/path"):
        result = worker.cli("doctor", expect=1, AUTOTASK_PROXY=wrong)
        assert "AUTOTASK_PROXY" in result and "http://host:port" in result and "hunter2" not in result
