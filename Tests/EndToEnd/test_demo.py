"""The demo, left running: it runs as production does, what it prints to try works, and so does a portal's first hour beside it."""

import re
import subprocess

import pytest

import contract
from processes import BIN_DIR, plain_environment, poll

ROOT = contract.ROOT
README = ROOT / "deploy" / "portal" / "README.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README.read_text(encoding="utf-8"), flags=re.M | re.S)
#: A block of the README that is not run, and why.
NOT_RUN = {"python3 -m venv .venv && .venv/bin/pip install -r deploy/portal/requirements.txt\n": "deploy/test makes .venv, with these packages"}

pytestmark = pytest.mark.timeout(300)


class Demo:
    def __init__(self):
        done = self.call([ROOT / "deploy" / "demo", "--keep", "--programs", BIN_DIR])
        assert done.returncode == 0, done.stdout + done.stderr
        story, _, commands = done.stdout.partition("Everything is still running. Try:\n")
        self.story = story
        self.commands = [line.strip() for line in commands.splitlines() if line.startswith("  ")]
        self.directory = re.search(r"source (\S+)/env", commands).group(1)

    def call(self, command):
        return subprocess.run(
            command, cwd=ROOT, env=plain_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False
        )

    def shell(self, text):
        """Runs lines in the project's folder, with the demo's addresses."""
        done = self.call(["bash", "-euo", "pipefail", "-c", f'set -a; source "{self.directory}/env"; set +a\n{text}'])
        assert done.returncode == 0, f"{text}: {done.stdout}{done.stderr}"
        return done.stdout

    def stop(self):
        done = self.call([ROOT / "deploy" / "demo", "--stop", self.directory])
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def demo():
    demo = Demo()
    yield demo
    demo.stop()


def test_it_plays_the_whole_story(demo):
    steps = contract.load(contract.SEEDS / "story.json")
    assert [line[2:] for line in demo.story.splitlines() if line.startswith("▸ ")] == [step["title"] for step in steps]
    assert f"{len(steps)} jobs, each with exactly one terminal event; {sum(step.get('writes', 0) for step in steps)} writes" in demo.story


def test_it_runs_as_production_does(demo):
    """A worker with `DEVELOPMENT=1` would log it, accept clear credentials, and trust any publisher."""
    assert "DEVELOPMENT" not in (ROOT / "deploy" / "demo").read_text(encoding="utf-8")
    log = demo.shell(f"cat {demo.directory}/worker.log")
    assert "Consuming" in log and "DEVELOPMENT" not in log
    settings = demo.shell(f"{BIN_DIR}/autotask-worker run --print-config")
    assert re.search(r"^DEVELOPMENT +0 ", settings, flags=re.M) and re.search(r"^TRUSTED_PUBLISHERS +portal ", settings, flags=re.M)
    assert "There are no dead letters." in demo.shell(f"{BIN_DIR}/autotask-worker doctor")
    clear = f"{BIN_DIR}/autotask-worker job connect --tenant msp-4711 --data seeds/jobs/connect.json --wait || true"
    assert "Credentials must be sealed." in demo.shell(clear)


def test_what_it_prints_to_try_works(demo):
    *others, stop = demo.commands
    assert stop.startswith(f"deploy/demo --stop {demo.directory}") and len(others) >= 8
    for command in others:
        # It would go on for ever.
        demo.shell(command.replace("events --replay", "events --replay --count 3"))
    assert "Workplace licence, monthly" in demo.shell(others[-1])


def test_the_first_hour_of_a_portal_goes_as_its_readme_says(demo):
    """Every block of `deploy/portal/README.md`, in order."""
    assert set(NOT_RUN) <= set(BLOCKS) and len(BLOCKS) >= 7
    outputs = [demo.shell(block.replace("DIR", demo.directory)) for block in BLOCKS if block not in NOT_RUN]
    text = "\n".join(outputs)
    for expected in (
        "[yellow] Connection was established",
        "[yellow] 4 services are synced",
        "sync.succeeded  closes its job",
        "Published 0 unanswered jobs again.",
        "(again)",
        "Autotask is limiting requests for your database",
        "[yellow] Integration was reset",
    ):
        assert expected in text, expected
    # The example's own queue holds up nobody, and the operator's policy limits it.
    assert "No queue that follows results can hold them up." in demo.shell(f"{BIN_DIR}/autotask-worker doctor")
    look = 'curl -sf -u admin:admin-on-loopback "${MANAGEMENT_URL/operator:*@/}/api/queues/%2F/autotask.portal.example"'
    # The management API knows it a moment later.
    poll(lambda: '"policy":"autotask-followers-limit"' in demo.shell(look), 20, "the queue's policy")
