"""Events as a portal reads them: what each says, and the bar that the page shows for it. Copy this file; it needs no package."""

import dataclasses
import json

#: By the type of an event: the headline (a text, the path of the member that has it, or None), its severity, and the state of the connection.
#: These are the members `x-display` of `schemas/events`.
DISPLAY = {
    "billing-codes.failed": ("data.error.message", "error", "unchanged"),
    "billing-codes.listed": (None, "none", "unchanged"),
    "connection.diagnosed": (None, "info", "unchanged"),
    "connection.established": ("data.message", "success", "works"),
    "connection.failed": ("data.message", "error", "data.previousConnectionActive"),
    "connection.lost": ("data.error.message", "error", "broken"),
    "connection.recovered": ("The connection works again", "success", "works"),
    "connection.verified": ("The connection works", "success", "works"),
    "drift.changed": (None, "warning", "unchanged"),
    "drift.failed": ("data.error.message", "error", "unchanged"),
    "drift.reported": (None, "info", "unchanged"),
    "integration.enabled": ("Your integration is now enabled", "success", "works"),
    "integration.reset": ("data.message", "success", "none"),
    "job.abandoned": ("data.error.message", "error", "unchanged"),
    "job.conflict": ("data.error.message", "error", "unchanged"),
    "job.deferred": ("data.error.message", "warning", "unchanged"),
    "job.expired": ("data.error.message", "error", "unchanged"),
    "job.rejected": ("data.error.message", "error", "unchanged"),
    "job.superseded": ("data.error.message", "info", "unchanged"),
    "sync.failed": ("data.message", "error", "unchanged"),
    "sync.incomplete": ("data.message", "warning", "unchanged"),
    "sync.previewed": (None, "info", "unchanged"),
    "sync.progress": (None, "none", "unchanged"),
    "sync.started": (None, "none", "unchanged"),
    "sync.succeeded": ("data.message", "success", "works"),
}

#: The page has two colours: red for what failed, yellow for all else.
COLOURS = {"success": "yellow", "info": "yellow", "warning": "yellow", "error": "red"}


@dataclasses.dataclass(frozen=True)
class Bar:
    """The bar at the top of the page, with the line under it: what is wrong and what to do."""

    colour: str
    headline: str
    detail: str = ""

    def __str__(self):
        return f"[{self.colour}] {self.headline}" + (f"\n         {self.detail}" if self.detail else "")


class Event:
    """One event as it arrived. Attributes and members that this program does not know are ignored."""

    def __init__(self, body):
        self.document = json.loads(body)
        self.id = self.document["id"]
        self.type = self.document["type"].removeprefix("autotask.")
        self.tenant = self.document["subject"]
        self.product = self.document.get("product", "workplace")
        self.job_id = self.document.get("jobid")
        self.time = self.document.get("time", "")
        self.data = self.document.get("data") or {}
        self.epoch = self.document.get("epoch", 0)
        #: A number within the epoch, or None: progress, pages and erased events have none.
        self.sequence = int(self.document["sequence"]) if "sequence" in self.document else None
        #: The order of a lane's events: epoch, then sequence. None without a sequence.
        self.place = place(self.epoch, self.sequence) if self.sequence else None
        #: Whether this is the one event in which its job ends.
        self.is_terminal = self.document.get("terminal") is True
        #: Whether only the end of the job is left of it, after a reset or 30 days.
        self.is_erased = self.data.get("erased") is True

    @property
    def severity(self):
        """`none` for an event that this program does not know."""
        return DISPLAY.get(self.type, (None, "none", None))[1]

    @property
    def bar(self):
        """The bar that the page shows, or None: the event has none, or its data were erased."""
        headline, severity, _ = DISPLAY.get(self.type, (None, "none", None))
        if headline is None or severity == "none" or self.is_erased:
            return None
        text = self._member(headline) if headline.startswith("data.") else headline
        error = self.data.get("error") or {}
        lines = [error.get("message"), error.get("hint")]
        return Bar(COLOURS[severity], text, " ".join(line for line in lines if line and line != text))

    @property
    def connection(self):
        """`works`, `broken` or `none` if the event says so, or None if it leaves the state of the connection alone."""
        state = DISPLAY.get(self.type, (None, "none", "unchanged"))[2]
        if state == "unchanged" or self.is_erased:
            return None
        if state == "data.previousConnectionActive":
            return "works" if self.data["previousConnectionActive"] else "none"
        return state

    @property
    def page(self):
        """Its number and how many there are, if the event was too large for one message, or None."""
        return (self.data["page"], self.data["pages"]) if "page" in self.data and "pages" in self.data else None

    def _member(self, path):
        value = self.document
        for name in path.split("."):
            value = value[name]
        return value


def place(epoch, sequence):
    """Epoch and sequence as one text, which a database can compare. After a restore of the worker's store, epochs are large."""
    return f"{epoch:019d}.{sequence:019d}"


def sequence_of(place):
    return int(place.partition(".")[2])


def whole(pages):
    """One event of all its pages, in order: the last page with the lists of all of them."""
    last = pages[-1]
    for name, value in last.data.items():
        if isinstance(value, list):
            last.data[name] = [element for page in pages for element in page.data.get(name, [])]
    del last.data["page"], last.data["pages"]
    return last
