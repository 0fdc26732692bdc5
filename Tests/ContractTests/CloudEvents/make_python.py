"""Writes the fixtures python.*.json with the CloudEvents SDK for Python. Run by hand: pip install cloudevents==2.2.0

Each is a message as it goes to RabbitMQ: its content type, its headers, its body as text.
"""

import json
import pathlib
from datetime import datetime, timedelta, timezone

from cloudevents.core.bindings import rabbitmq
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import CloudEvent as LegacyEvent
from cloudevents.v1.http import to_structured

HERE = pathlib.Path(__file__).parent
RESET = {"confirm": True, "product": "fileProtection", "reason": "Büro 🏢 aufgelöst"}
ATTRIBUTES = {
    "id": "sdk-1",
    "source": "/portal",
    "type": "autotask.job.reset",
    "subject": "msp-1",
    "specversion": "1.0",
    "time": datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1))),
}


def write(name, content_type, headers, body):
    fixture = {"contentType": content_type, "headers": headers, "body": body.decode()}
    (HERE / f"python.{name}.json").write_text(json.dumps(fixture, indent=2) + "\n")


def core(name, attributes, data, convert=rabbitmq.to_structured):
    message = convert(CloudEvent(attributes=attributes, data=data), JSONFormat())
    write(name, message.content_type, message.headers, message.body)


core("data", {**ATTRIBUTES, "datacontenttype": "application/json"}, RESET)
core("no-datacontenttype", ATTRIBUTES, RESET)
core("bytes", {**ATTRIBUTES, "datacontenttype": "application/json"}, json.dumps(RESET).encode())
core("bytes-no-datacontenttype", ATTRIBUTES, json.dumps(RESET).encode())
core("extensions", {**ATTRIBUTES, "time": datetime.now(timezone.utc), "attempt": 7, "urgent": True, "dataschema": "https://portal.example/reset"}, RESET)
core("string", {**ATTRIBUTES, "datacontenttype": "application/json"}, json.dumps(RESET))
core("octets", {**ATTRIBUTES, "datacontenttype": "application/octet-stream"}, json.dumps(RESET).encode())
core("binary-mode", {**ATTRIBUTES, "datacontenttype": "application/json"}, RESET, rabbitmq.to_binary)
legacy = {key: value for key, value in ATTRIBUTES.items() if key != "time"}
for name, data in (("legacy", RESET), ("legacy-bytes", json.dumps(RESET).encode())):
    headers, body = to_structured(LegacyEvent(legacy, data))
    write(name, headers["content-type"], {}, body)
