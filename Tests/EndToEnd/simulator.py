"""The simulated Autotask, and a record of what happened there."""

import decimal
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from processes import BIN_DIR, plain_environment, poll

WRITES = ("create", "patch", "put")


class Simulator:
    def __init__(self, directory):
        ready = directory / "simulator"
        with open(directory / "simulator.log", "ab") as log:
            self.process = subprocess.Popen(
                [BIN_DIR / "autotask-simulator", "--port", "0", "--ready-file", ready],
                env=plain_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url = poll(lambda: ready.exists() and ready.read_text().strip(), 20, "the simulator's start", self.process)

    @property
    def host(self):
        return urllib.parse.urlsplit(self.url).netloc

    @property
    def lookup_url(self):
        return self.url + "/atservicesrest/"

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)

    def request(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self.url}/simulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from error
        return json.loads(text, parse_float=decimal.Decimal) if text else None


class Database:
    """One Autotask database of the simulator's."""

    def __init__(self, simulator, number, username, secret, **members):
        self.simulator = simulator
        self.number = number
        simulator.request(
            "PUT",
            "databases",
            {
                "databases": [
                    {
                        "databaseId": number,
                        "zone": "AE02",
                        "users": [{"username": username, "secret": secret, "security": members.pop("security", "full")}],
                        "billingCodes": [
                            {"id": 29683001, "name": "Recurring services", "description": "Standard rate", "isActive": True, "useType": 5},
                            {"id": 29683002, "name": "Retired", "description": "", "isActive": False, "useType": 5},
                            {"id": 29683003, "name": "Labour", "description": "", "isActive": True, "useType": 1},
                            {"id": 29683004, "name": "Cloud", "description": "", "isActive": True, "useType": 5},
                        ],
                        **members,
                    }
                ]
            },
        )

    def calls(self, after=0):
        """Calls that were made to this database, in their order, those up to a sequence number left out.

        It leaves out requests for the usage of the quota: no job counts them.
        """
        return [call for call in self.all_calls(after) if call["entity"] != "ThresholdInformation"]

    def all_calls(self, after=0):
        return self.simulator.request("GET", f"calls?database={self.number}&after={after}")["calls"]

    def last_call(self):
        return max((call["sequence"] for call in self.calls()), default=0)

    def writes(self, after=0):
        return [call for call in self.calls(after) if call["operation"] in WRITES]

    def services(self):
        return self.simulator.request("GET", f"databases/{self.number}/services")["services"]

    def change(self, **change):
        """An edit that a person makes in Autotask's user interface."""
        return self.simulator.request("PATCH", f"databases/{self.number}", change)

    def fault(self, kind, **members):
        return Fault(self.simulator, self.simulator.request("POST", "faults", {"kind": kind, "database": self.number, **members})["id"])

    def await_calls(self, count, seconds=20, after=0, **members):
        """Waits until this number of calls with these members have begun, after a sequence number."""

        def matching():
            calls = [call for call in self.calls(after) if all(call[name] == value for name, value in members.items())]
            return calls if len(calls) >= count else None

        return poll(matching, seconds, f"{count} calls {members}")


class Fault:
    """A fault that lasts until it is cleared."""

    def __init__(self, simulator, number):
        self.simulator = simulator
        self.number = number

    def clear(self):
        self.simulator.request("DELETE", f"faults/{self.number}")

    @property
    def hits(self):
        faults = self.simulator.request("GET", "faults")["faults"]
        return next(fault["hits"] for fault in faults if fault["id"] == self.number)
