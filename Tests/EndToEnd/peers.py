"""Servers that commands meet where they expect Autotask or RabbitMQ's management API."""

import contextlib
import email.utils
import http.server
import threading


@contextlib.contextmanager
def server(date=None, body=b'{"apiVersions":["V1.0","V2.0"]}', status=200, delay=0, kind="application/json"):
    """A server that answers in place of another; yields its `host:port`."""
    ended = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            ended.wait(delay)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def date_time_string(self, timestamp=None):
            return email.utils.formatdate(timestamp if date is None else date, usegmt=True)

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.server_address[1]}"
    finally:
        ended.set()
        listener.shutdown()
        listener.server_close()
