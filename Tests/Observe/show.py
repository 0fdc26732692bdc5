"""The show of alerts: faults begin, their alerts fire, faults end, their alerts rest. Each fault gets a line with these times."""

import enum
import functools
import itertools
import time

#: The most seconds until an alert fires. Figures of dead letters are up to a minute old.
FIRING = 120
#: The most seconds until an alert rests. One that looks at the last minute, an hour in production, takes that much longer.
RESTING = 150
PAUSE = 0.1
#: The alert that always fires.
WATCHDOG = "Watchdog"


class Turn(enum.Enum):
    """When a fault has its turn."""

    #: Beside others that it does not disturb.
    TOGETHER = enum.auto()
    #: Alone, when all of those have ended. Their alerts may still be on the way to rest.
    ALONE = enum.auto()
    #: Alone, when the alerts of all others rest.
    LAST = enum.auto()


class Fault:
    """One fault; its docstring says what happens. `begin`, `end` and `meanwhile` are called in turn."""

    turn = Turn.TOGETHER
    #: The names of the alerts that have to fire while it lasts, and to rest after it.
    alerts = ()

    def begin(self):
        """Brings it about."""

    def meanwhile(self):
        """What goes on until its alerts have fired. Called several times a second."""

    def end(self):
        """Removes it."""

    @classmethod
    def title(cls):
        return cls.__doc__.partition("\n")[0]


class Play:
    """A fault under way, and by alert how many seconds after its begin it fired, and after its end rested; `None` if not in time."""

    def __init__(self, fault, now):
        self.fault = fault
        self.begun, self.ended = now, None
        self.fired, self.rested = {}, {}

    @property
    def has_ended(self):
        return self.ended is not None

    @property
    def is_over(self):
        return len(self.rested) == len(self.fault.alerts)

    def look(self, firing, clock):
        """Notes which of its alerts fire. Ends the fault when all have fired, or had the time to."""
        if self.has_ended:
            self.note(self.rested, lambda alert: alert not in firing, clock() - self.ended, RESTING)
            return
        self.note(self.fired, lambda alert: alert in firing, clock() - self.begun, FIRING)
        if len(self.fired) == len(self.fault.alerts):
            self.fault.end()
            self.ended = clock()
        else:
            self.fault.meanwhile()

    def note(self, times, is_so, seconds, most):
        for alert in self.fault.alerts:
            if is_so(alert):
                times.setdefault(alert, seconds)
            elif seconds > most:
                times.setdefault(alert, None)

    def problems(self):
        for alert in self.fault.alerts:
            if self.fired[alert] is None:
                yield f"{alert} did not fire within {FIRING} s: {self.fault.title()}"
            elif self.rested[alert] is None:
                yield f"{alert} did not rest within {RESTING} s after the fault: {self.fault.title()}"

    def lines(self):
        """One for each alert; the first has the title."""
        titles = itertools.chain([self.fault.title()], itertools.repeat(""))
        for title, alert in zip(titles, self.fault.alerts):
            yield line(title, alert, in_words(self.fired[alert]), "" if self.fired[alert] is None else in_words(self.rested[alert]))


def line(title, alert, fired, rested):
    return f"{title:70}{alert:22}{fired:>12}{rested:>13}".rstrip()


def in_words(seconds):
    return "never" if seconds is None else f"{seconds:.1f} s"


class Show:
    """Plays faults, prints their lines, and collects what went wrong."""

    def __init__(self, firing, clock=time.monotonic, pause=time.sleep, write=functools.partial(print, flush=True)):
        """`firing` returns the names of the alerts that fire now."""
        self.firing, self.clock, self.pause, self.write = firing, clock, pause, write
        self.plays, self.problems = [], []

    def run(self, faults):
        """Plays the faults. Returns whether each alert fired and rested as it should, and no other fires afterwards."""
        self.write(line("fault", "alert", "fires after", "rests after"))
        for turn in Turn:
            self.look_until(lambda: all(play.is_over if turn is Turn.LAST else play.has_ended for play in self.plays))
            for fault in faults:
                if fault.turn is turn:
                    play = self.begin(fault)
                    self.look_until(lambda: turn is Turn.TOGETHER or play.is_over)
        self.look_until(lambda: all(play.is_over for play in self.plays))
        self.expect_rest()
        for problem in self.problems:
            self.write(f"NOT as it should be: {problem}")
        return not self.problems

    def begin(self, fault):
        for alert in self.firing().intersection(fault.alerts):
            self.problems.append(f"{alert} fires before its fault begins: {fault.title()}")
        play = Play(fault, self.clock())
        fault.begin()
        self.plays.append(play)
        return play

    def look_until(self, condition):
        """Looks at all plays, once at least."""
        while True:
            firing = self.firing()
            for play in self.plays:
                if not play.is_over:
                    self.look(play, firing)
            if condition():
                return
            self.pause(PAUSE)

    def look(self, play, firing):
        play.look(firing, self.clock)
        if play.is_over:
            self.problems += play.problems()
            for text in play.lines():
                self.write(text)

    def expect_rest(self):
        """The faults may have made other alerts fire. They rest, too."""
        begun = self.clock()
        while (rest := self.firing() - {WATCHDOG}) and self.clock() - begun < RESTING:
            self.pause(PAUSE)
        self.problems += [f"{alert} fires, although no fault lasts." for alert in sorted(rest)]
