"""The show of alerts (`deploy/observe`): when faults begin and end, what fails it, and what the page lists. The show itself is not run."""

import re
import subprocess
import sys

import pytest

import contract
from test_alerts import ALERTS, PAGE, RULES

DIRECTORY = contract.ROOT / "Tests" / "Observe"
sys.path.append(str(DIRECTORY))
from alerting_faults import FAULTS  # noqa: E402
from hastened import hastened  # noqa: E402
from show import FIRING, RESTING, WATCHDOG, Fault, Show, Turn  # noqa: E402


class World:
    """Alerts that fire and rest some seconds after their faults, and a clock that moves only in pauses."""

    def __init__(self):
        self.now = 0.0
        #: What happened, in its order.
        self.story = []
        self.lines = []
        #: By alert, from when to when it fires.
        self.times = {WATCHDOG: (0, None)}

    def firing(self):
        return {alert for alert, (first, last) in self.times.items() if first <= self.now and (last is None or self.now < last)}

    def pause(self, seconds):
        self.now = round(self.now + seconds, 3)

    def show(self, *faults):
        show = Show(self.firing, lambda: self.now, self.pause, self.lines.append)
        return show.run(faults)

    def fault(self, *names, turn=Turn.TOGETHER, fires=1, rests=1):
        """A fault of these alerts. `fires` and `rests` are seconds, or `None` for never."""
        return Played(self, names, turn, fires, rests)


class Played(Fault):
    """Something is broken."""

    def __init__(self, world, alerts, turn, fires, rests):
        self.world, self.alerts, self.turn, self.fires, self.rests = world, alerts, turn, fires, rests

    def begin(self):
        self.world.story.append(f"{self.alerts[0]} begins")
        if self.fires is not None:
            self.world.times |= {alert: (self.world.now + self.fires, None) for alert in self.alerts}

    def end(self):
        self.world.story.append(f"{self.alerts[0]} ends")
        for alert in self.alerts if self.rests is not None else ():
            first, _ = self.world.times.get(alert, (0, None))
            self.world.times[alert] = (first, self.world.now + self.rests)


@pytest.fixture
def world():
    return World()


def problems(world):
    return [line.removeprefix("NOT as it should be: ") for line in world.lines if line.startswith("NOT")]


def test_a_fault_has_a_line_with_the_times_of_its_alerts(world):
    assert world.show(world.fault("One", fires=3, rests=2), world.fault("Two", "Three", fires=5, rests=1))
    assert [re.split(r"  +", line) for line in world.lines] == [
        ["fault", "alert", "fires after", "rests after"],
        ["Something is broken.", "One", "3.0 s", "2.0 s"],
        ["Something is broken.", "Two", "5.0 s", "1.0 s"],
        ["", "Three", "5.0 s", "1.0 s"],
    ]
    assert world.story == ["One begins", "Two begins", "One ends", "Two ends"]


def test_a_fault_that_disturbs_others_waits_for_its_turn(world):
    """Alone means that no other fault lasts, and last that all other alerts rest."""
    last = world.fault("Last", turn=Turn.LAST)
    alone = [world.fault(name, turn=Turn.ALONE, rests=1) for name in ("Third", "Fourth")]
    assert world.show(last, *alone, world.fault("First", fires=2, rests=60), world.fault("Second", fires=9))
    assert world.story == [f"{name} {verb}" for name, verb in [
        ("First", "begins"), ("Second", "begins"), ("First", "ends"), ("Second", "ends"),
        ("Third", "begins"), ("Third", "ends"), ("Fourth", "begins"), ("Fourth", "ends"), ("Last", "begins"), ("Last", "ends"),
    ]]  # fmt: skip
    assert world.times["First"][1] < world.times["Last"][0]


def test_an_alert_that_does_not_fire_fails_the_show_and_its_fault_ends(world):
    assert not world.show(world.fault("Silent", fires=None), world.fault("Good"))
    assert problems(world) == [f"Silent did not fire within {FIRING} s: Something is broken."]
    assert "Silent ends" in world.story and any(re.search(r"Silent +never", line) for line in world.lines)


def test_an_alert_that_does_not_rest_fails_the_show(world):
    assert not world.show(world.fault("Stuck", rests=None), world.fault("Good"))
    assert problems(world)[0] == f"Stuck did not rest within {RESTING} s after the fault: Something is broken."


def test_an_alert_that_fires_before_its_fault_fails_the_show(world):
    world.times["Early"] = (0, None)
    assert not world.show(world.fault("Early"))
    assert problems(world) == ["Early fires before its fault begins: Something is broken."]


@pytest.mark.parametrize(("lasting", "found"), [(RESTING / 2, []), (None, ["Foreign fires, although no fault lasts."])])
def test_no_other_alert_may_fire_at_the_end(world, lasting, found):
    world.times["Foreign"] = (0, lasting)
    assert world.show(world.fault("Good")) == (not found)
    assert problems(world) == found


# The faults


def test_each_fault_has_alerts_that_no_other_has_and_that_have_rules():
    raised = [alert for fault in FAULTS for alert in fault.alerts]
    assert len(FAULTS) >= 10 and all(fault.alerts for fault in FAULTS) and len(set(raised)) == len(raised)
    assert set(raised) <= {rule["alert"] for rule in ALERTS}


def test_the_page_lists_the_faults():
    (section,) = re.findall(r"^## Watch alerts fire\n(.*?)^## ", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    rows = re.findall(r"^\| ([^`|]+\.) \| (`.+`) \|$", section, flags=re.M)
    assert rows == [(fault.title(), ", ".join(f"`{alert}`" for alert in fault.alerts)) for fault in FAULTS]


def test_limits_on_ages_are_divided_too():
    """So that an age that takes a minute takes a second."""
    text = hastened(RULES.read_text(encoding="utf-8"))
    limits = re.findall(r"(\w+_oldest_seconds|\w+_loop_age_seconds)\) > (\d+)", text)
    assert limits == [
        ("autotask_store_open_writes_oldest_seconds", "60"),
        ("autotask_store_open_writes_oldest_seconds", "1440"),
        ("autotask_store_outbox_oldest_seconds", "1"),
        ("autotask_worker_loop_age_seconds", "60"),
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--list"], 0, "ZoneAway: A zone of Autotask answers 503.\n"),
        (["--list", "--only", "WorkerDown"], 0, "WorkerDown: The worker hangs (SIGSTOP), so that no loop of it turns.\n"),
        (["--help"], 0, "divided by 60"),
        (["--only", "ZoneAway,Nothing"], 2, "no fault raises Nothing; see --list"),
    ],
)
def test_the_options_of_the_show(arguments, status, words):
    ended = subprocess.run(
        [sys.executable, "-B", DIRECTORY / "observe.py", *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == status and words in re.sub(r"\n +", " ", ended.stdout + ended.stderr)
