"""Jobs as a portal sends them: a CloudEvent as bytes, and the AMQP properties beside it. Copy this file with `seal.py`.

A job is made once, and kept until its terminal event has arrived. Whoever repeats it sends the same bytes.
"""

import dataclasses
import datetime
import json
import re
import uuid

import pika

from seal import seal

EXCHANGE = "autotask.jobs"
SOURCE = "/portal/example"
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclasses.dataclass(frozen=True)
class Job:
    """One job. `body` is what the broker gets, and what a repetition sends again."""

    id: str
    kind: str
    tenant: str
    product: str
    body: bytes

    @property
    def routing_key(self):
        return f"{self.kind}.{self.tenant}"

    def properties(self, user):
        """`user` is the broker user of the connection. Without `user_id`, the worker sets the message aside and no event answers it."""
        return pika.BasicProperties(
            user_id=user,
            message_id=self.id,
            type=f"autotask.job.{self.kind}",
            content_type="application/cloudevents+json",
            delivery_mode=2,
            timestamp=int(datetime.datetime.now(datetime.timezone.utc).timestamp()),
        )


def connect(tenant, credentials, keys, first_configured_at, product="workplace"):
    """Connects a tenant. `credentials` are sealed for this job alone; `keys` is the document of `autotask-worker keys publish`."""
    job_id = new_id()
    data = {"credentials": seal(keys, job_id, tenant, product, credentials), "firstConfiguredAt": first_configured_at}
    return make("connect", tenant, data, product, job_id)


def sync(tenant, plan, product="workplace"):
    """Transfers a plan: `{"planId", "revision", "services"}`. Raise `revision` with every change, so that an older plan never wins."""
    return make("sync", tenant, plan, product)


def reset(tenant, reason, product="workplace"):
    """Erases the integration. The page has asked the user to confirm it."""
    return make("reset", tenant, {"confirm": True, "reason": reason}, product)


def make(kind, tenant, data, product="workplace", job_id=None):
    """Any kind of job. Raises `ValueError` for a tenant that no job may have."""
    if not TENANT.fullmatch(tenant):
        raise ValueError(f"{tenant!r} is no tenant: use 1 to 64 letters, digits, - and _, and begin with a letter or digit.")
    job_id = job_id or new_id()
    envelope = {
        "specversion": "1.0",
        "id": job_id,
        "source": SOURCE,
        "type": f"autotask.job.{kind}",
        "subject": tenant,
        "time": now(),
        "datacontenttype": "application/json",
        "data": {**data, "product": product},
    }
    return Job(job_id, kind, tenant, product, json.dumps(envelope, ensure_ascii=False).encode())


def new_id():
    return str(uuid.uuid4())


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
