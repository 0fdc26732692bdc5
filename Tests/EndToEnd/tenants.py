"""A tenant of a test: an MSP with an Autotask database of its own, and a portal to send jobs from."""

import contract
import portal as portals
from simulator import Database

CONFIGURED = "2021-03-04T09:30:00Z"
BILLING_CODE = 29683001


def service(number, **members):
    """One service of a plan, with a name of its own."""
    return {
        "key": f"service-{number}",
        "name": f"Service {number}",
        "type": ("License", "Storage", "Server")[number % 3],
        "period": ("Monthly", "Yearly")[number % 2],
        "unitCost": f"{number}.1",
        "unitPrice": f"{number}.2345",
        "billingCodeId": BILLING_CODE,
        **members,
    }


def plan(count=4, **members):
    return {"planId": "datto-workplace", "services": [service(number) for number in range(1, count + 1)], **members}


class Job:
    """A job that was published."""

    def __init__(self, tenant, envelope):
        self.tenant = tenant
        self.envelope = envelope
        self.id = envelope["id"]

    def publish(self):
        self.tenant.portal.publish(self.envelope)
        return self

    def ending(self, seconds=30, count=1):
        return self.tenant.monitor.ending(self.tenant.name, self.id, seconds, count)

    @property
    def endings(self):
        return self.tenant.monitor.endings(self.tenant.name, self.id)

    @property
    def events(self):
        return self.tenant.monitor.of_job(self.tenant.name, self.id)


class Tenant:
    def __init__(self, number, secret, key, portal, monitor, simulator, **database):
        self.name = f"msp-{number}"
        self.username = f"api-{number}@msp.example"
        self.secret = secret
        self.key = key
        self.portal = portal
        self.monitor = monitor
        self.database = Database(simulator, 200000 + number, self.username, secret, **database)

    # Publishing

    def job(self, kind, data=None, job_id=None, **attributes):
        return Job(self, portals.envelope(kind, self.name, data, job_id, **attributes))

    def publish(self, kind, data=None, job_id=None, **attributes):
        return self.job(kind, data, job_id, **attributes).publish()

    def connect_job(self, secret=None, username=None, product="workplace", job_id=None, **data):
        """A connect with sealed credentials."""
        job_id = job_id or portals.new_id()
        credentials = {"username": username or self.username, "secret": secret or self.secret}
        sealed = portals.seal(self.key, job_id, self.name, product, credentials)
        data = {"firstConfiguredAt": CONFIGURED, **data, "credentials": sealed}
        if product != "workplace":
            data["product"] = product
        return self.job("connect", data, job_id)

    # Publishing, and waiting for the end

    def connect(self, **members):
        return self.connect_job(**members).publish().ending()

    def connected(self, **members):
        """Connects as a precondition."""
        self.expect(self.connect(**members), "connection.established")
        return self

    def sync(self, data=None, **attributes):
        return self.publish("sync", data or plan(), **attributes).ending()

    def reset(self, **data):
        return self.publish("reset", {"confirm": True, **data}).ending()

    def billing_codes(self, **data):
        return self.publish("billing-codes", data).ending()

    # Asking

    def events(self, event_type=None):
        return self.monitor.of_tenant(self.name, event_type)

    @staticmethod
    def expect(event, event_type, code=None):
        """Checks how a job ended, and returns the event's data."""
        assert event["type"] == contract.EVENT_PREFIX + event_type, event
        if code is not None:
            assert code in codes(event["data"]), event
        return event["data"]


def codes(data):
    """The error codes of an event: its own, and those of its services."""
    errors = [data.get("error")] + [result.get("error") for result in data.get("services", [])]
    return [error["code"] for error in errors if error]


def by_key(data):
    return {result["key"]: result for result in data["services"]}
