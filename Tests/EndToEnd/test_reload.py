"""On SIGHUP the worker reads its settings file again, and takes all changes or none."""

import json
import re
import signal

import pytest

from processes import poll
from test_metrics import samples


@pytest.fixture
def with_file(other_worker):
    """A running worker with a settings file, and a function that replaces the file's content."""
    path = other_worker.directory / "settings.json"
    fixed = dict(other_worker.settings)

    def write(**settings):
        path.write_text(json.dumps(settings), encoding="utf-8")

    write(quota={"share": 40}, trusted={"publishers": "nobody"})
    for name in ("LOG_LEVEL", "TRUSTED_PUBLISHERS"):
        del other_worker.settings[name]
    other_worker.start("--config", str(path), await_jobs=False)
    poll(lambda: "Worker starts" in other_worker.log[other_worker.begun :], 20, "the start", other_worker.process)
    yield other_worker, write
    other_worker.settings = fixed


def reload(worker, awaited):
    """Sends the signal, and returns the log since."""
    begun = len(worker.log)
    worker.process.send_signal(signal.SIGHUP)
    poll(lambda: awaited in worker.log[begun:], 10, awaited, worker.process)
    return worker.log[begun:]


def last_reload(worker, name):
    return samples(worker.metrics())[f"autotask_worker_config_last_reload_{name}", ()]


def quota_share(worker):
    return samples(worker.metrics())["autotask_worker_setting", (("name", "quota_share"),)]


def test_a_reload_takes_all_changes_and_the_audit_log_names_them(with_file, new_tenant):
    worker, write = with_file
    before = last_reload(worker, "success_timestamp_seconds")
    write(quota={"share": 30}, trusted={"publishers": "portal"}, log={"level": "warning"}, shutdown={"seconds": 20})
    diff = json.loads(worker.cli("config", "diff", "--json", expect=1))["workers"][0]
    assert [tuple(change.values()) for change in diff["changes"]] == [
        ("TRUSTED_PUBLISHERS", "nobody", "portal", "reload"),
        ("QUOTA_SHARE", "40", "30", "reload"),
        ("SHUTDOWN_SECONDS", "30", "20", "restart"),
        ("LOG_LEVEL", "info", "warning", "reload"),
    ]
    log = reload(worker, "The settings were reloaded")
    assert re.search(r"notice .*new=30 old=40 setting=QUOTA_SHARE .*A setting has changed", log)
    assert re.search(r"warning .*setting=SHUTDOWN_SECONDS .*takes effect after a restart", log)
    assert quota_share(worker) == 30
    assert last_reload(worker, "successful") == 1 and last_reload(worker, "success_timestamp_seconds") > before
    row = next(row for row in json.loads(worker.cli("audit", "list", "--json")) if row["action"] == "settings.reloaded")
    assert row["actor"].startswith("worker:")
    assert row["facts"] == {"settings": ["TRUSTED_PUBLISHERS", "QUOTA_SHARE", "LOG_LEVEL"], "afterRestart": ["SHUTDOWN_SECONDS"]}
    # The portal is trusted now, and the line of its job is below the level.
    new_tenant().connected()
    worker.stop()
    assert "Job attempt ended" not in worker.log[worker.begun :]
    assert list(worker.directory.glob("*.settings-*")) == []


def test_a_wrong_file_changes_nothing(with_file):
    worker, write = with_file
    write(quota={"share": 30}, retry={"hours": "soon"})
    log = reload(worker, "The settings were not reloaded")
    assert "RETRY_HOURS (from the file) is not a number of hours." in log
    assert last_reload(worker, "successful") == 0 and quota_share(worker) == 40
    refused = worker.run("config", "diff")
    assert refused.returncode == 2 and "RETRY_HOURS" in refused.stderr
    write(quota={"share": 40}, trusted={"publishers": "nobody"})
    reload(worker, "The settings were reloaded")
    assert last_reload(worker, "successful") == 1
    worker.cli("config", "diff")


def test_without_a_settings_file_there_is_nothing_to_reload(other_worker):
    other_worker.start()
    reload(other_worker, "There are no settings to reload")
    assert "has no settings file" in other_worker.run("config", "diff").stderr
    other_worker.stop()
    none = other_worker.run("config", "diff")
    assert none.returncode == 69 and "No worker runs on the store" in none.stderr
