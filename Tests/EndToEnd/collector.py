"""A collector of traces: takes OTLP over HTTP in JSON, and reads it with OpenTelemetry's own protocol definitions."""

import base64
import contextlib
import http.server
import json
import threading
import time

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

KINDS = trace_pb2.Span.SpanKind
FAILED = trace_pb2.Status.STATUS_CODE_ERROR


class Span:
    """One span, as a backend shows it."""

    def __init__(self, span, resource):
        self.name = span.name
        self.kind = KINDS.Name(span.kind).removeprefix("SPAN_KIND_")
        self.trace, self.id, self.parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes = {attribute.key: value_of(attribute.value) for attribute in span.attributes}
        #: As (name, attributes).
        self.events = [(event.name, {attribute.key: value_of(attribute.value) for attribute in event.attributes}) for event in span.events]
        self.links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
        self.has_failed = span.status.code == FAILED
        self.flags = span.flags
        self.resource = resource

    def __repr__(self):
        return f"{self.name} {self.attributes}"

    @property
    def context(self):
        """Its `traceparent`."""
        return f"00-{self.trace}-{self.id}-{self.flags & 0xFF:02x}"


def value_of(value):
    return getattr(value, value.WhichOneof("value"))


def as_protobuf(body):
    """The request as protobuf has it: OTLP's JSON differs in ids, which are hexadecimal there and base64 in protobuf's JSON.

    Any member that the protocol does not know is an error.
    """

    def rewrite(value):
        if isinstance(value, list):
            return [rewrite(item) for item in value]
        if not isinstance(value, dict):
            return value
        ids = ("traceId", "spanId", "parentSpanId")
        return {name: base64.b64encode(bytes.fromhex(item)).decode() if name in ids else rewrite(item) for name, item in value.items()}

    request = trace_service_pb2.ExportTraceServiceRequest()
    return json_format.Parse(json.dumps(rewrite(json.loads(body))), request, ignore_unknown_fields=False)


class Collector:
    """Takes spans on a thread of its own. `answer` decides about each request."""

    def __init__(self):
        self.condition = threading.Condition()
        self.spans, self.bodies, self.headers, self.problems = [], [], [], []
        #: Statuses of the next answers, with headers; then 200.
        self.answers = []
        #: While it is set, requests wait without an answer.
        self.holding = threading.Event()
        self.released = threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                collector.take(self)

            def do_GET(self):
                with collector.condition:
                    collector.headers.append((self.path, dict(self.headers)))
                self.send_error(404)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        with self.condition:
            self.bodies.append(body)
            self.headers.append((request.path, dict(request.headers)))
            status, headers = self.answers.pop(0) if self.answers else (200, {})
            self.condition.notify_all()
        if self.holding.is_set():
            self.released.wait(60)
        if status == 200:
            self.read(body)
        with contextlib.suppress(OSError):
            request.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": "2", **headers}.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(b"{}")

    def read(self, body):
        try:
            spans = [
                Span(span, {attribute.key: value_of(attribute.value) for attribute in resource.resource.attributes})
                for resource in as_protobuf(body).resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        except Exception as error:  # Whatever it is, the test that waits has to see it.
            self.problems.append(f"{body[:300]!r}: {error!r}")
            spans = []
        with self.condition:
            self.spans += spans
            self.condition.notify_all()

    def await_spans(self, wanted, count=1, seconds=20):
        """Waits until this number of spans for which `wanted` says yes have arrived."""
        deadline = time.monotonic() + seconds
        with self.condition:
            while len(found := [span for span in self.spans if wanted(span)]) < count:
                assert not self.problems, self.problems
                assert self.condition.wait(deadline - time.monotonic()), (found, self.spans[-20:])
            return found

    def await_requests(self, count, seconds=20):
        with self.condition:
            assert self.condition.wait_for(lambda: len(self.bodies) >= count, seconds), len(self.bodies)

    def hold(self):
        self.released.clear()
        self.holding.set()

    def release(self):
        self.holding.clear()
        self.released.set()

    def close(self):
        self.release()
        self.server.shutdown()
        self.server.server_close()
