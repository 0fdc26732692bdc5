"""The monitor of the run: EndToEnd's, which holds each event to the contract, with the times at which events came."""

import collections
import time

from monitor import Monitor


class Live(Monitor):
    QUEUE = "autotask.monitor.chaos"

    def __init__(self, url):
        self.received_at = {}  # By event id, time.time() of the first receipt.
        self.endings_of = collections.defaultdict(dict)  # By (tenant, job), the terminal events by id.
        self.arrivals = []  # (time.monotonic(), event), each event's first receipt.
        super().__init__(url)

    def receive(self, channel, delivery, properties, body):
        before = len(self.events)
        super().receive(channel, delivery, properties, body)
        for event in self.events[before:]:
            if event.get("id") in self.received_at:
                continue
            self.received_at[event.get("id")] = time.time()
            self.arrivals.append((time.monotonic(), event))
            if event.get("terminal"):
                self.endings_of[event["subject"], event["jobid"]][event["id"]] = event

    def has_ended(self, tenant, job_id):
        return bool(self.endings_of.get((tenant, job_id)))

    def first_after(self, moment, selects=lambda event: True):
        """When the first event came after a moment that is selected; both by time.monotonic()."""
        return next((at for at, event in self.arrivals if at > moment and selects(event)), None)
