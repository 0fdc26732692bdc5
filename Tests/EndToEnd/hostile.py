"""Malicious servers, and servers to which nobody may connect."""

import email.utils
import http.client
import itertools
import json
import select
import socket
import socketserver
import threading
import time
import urllib.parse
import zlib

GIBIBYTE = 1 << 30
BLOCK = b" " * (1 << 20)


class Listener:
    """A server on loopback, each connection handled on a thread of its own."""

    def __init__(self, address="127.0.0.1", port=0):
        self.connections = 0

        class Handler(socketserver.BaseRequestHandler):
            def handle(handler):
                self.connections += 1
                try:
                    self.handle(handler.request)
                except OSError:
                    pass  # The peer has had enough.

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self.server = Server((address, port), Handler)
        self.host = "{}:{}".format(*self.server.server_address)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, connection):
        """Called with each connection's socket."""


class Trap(Listener):
    """A server to which nobody may connect: keeps what was sent to it."""

    def __init__(self, *address):
        self.received = b""
        super().__init__(*address)

    def handle(self, connection):
        while data := connection.recv(65536):
            self.received += data


class ConnectProxy(Listener):
    """An HTTP proxy that supports CONNECT."""

    def __init__(self):
        self.requests = []
        super().__init__()

    def handle(self, connection):
        head = read_head(connection)
        self.requests.append(head)
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(target, connection), daemon=True)
            back.start()
            pump(connection, target)
            back.join()


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def read_head(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise OSError("closed")
        head += byte
    return head


class HostileZone(Listener):
    """A zone of Autotask. It forwards calls to the simulator, except queries of services, which its attack answers."""

    def __init__(self, simulator, attack, clock=time.time):
        """`clock` returns its time in seconds since 1970."""
        self.simulator = simulator
        self.attack = attack
        self.attacks = 0
        self.clock = clock
        super().__init__()

    def information(self, database):
        """The answer of the zone look-up for a tenant in this zone."""
        root = f"http://{self.host}/zone/AE02/"
        return json.dumps({"zoneName": "AE02", "url": root + "ATServicesRest/", "webUrl": root, "ci": database})

    def handle(self, connection):
        while True:
            head = read_head(connection)
            lines = head.decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            length = int(headers.get("Content-Length", 0))
            body = b""
            while len(body) < length:
                body += connection.recv(length - len(body))
            if path.lower().endswith("services/query"):
                self.attacks += 1
                self.attack(connection, body)
                return
            self.hand_on(connection, method, path, headers, body)

    def hand_on(self, connection, method, path, headers, body):
        upstream = http.client.HTTPConnection(urllib.parse.urlsplit(self.simulator.url).netloc, timeout=20)
        kept = {name: value for name, value in headers.items() if name not in ("Host", "Content-Length", "Accept-Encoding")}
        upstream.request(method, path, body or None, {name: value.encode("latin-1") for name, value in kept.items()})
        answer = upstream.getresponse()
        data = answer.read()
        date = email.utils.formatdate(self.clock(), usegmt=True)
        connection.sendall(f"HTTP/1.1 {answer.status} Handed on\r\nDate: {date}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        upstream.close()


# Attacks: each is called with the connection and the query's body, and ends when the peer disconnects.


def answer(body, *headers):
    """An attack that sends one answer."""
    body = body.encode() if isinstance(body, str) else body
    head = "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers))

    def attack(connection, _):
        connection.sendall(head.encode() + b"\r\n\r\n" + body)

    return attack


def raw(data):
    """An attack that sends bytes unchanged, and waits until the peer disconnects."""

    def attack(connection, _):
        connection.sendall(data)
        while connection.recv(65536):
            pass

    return attack


def last(data):
    """An attack that sends bytes unchanged, and disconnects."""

    def attack(connection, _):
        connection.sendall(data)

    return attack


def endless(beginning, unit, pause=None):
    """An attack that never stops on its own: as fast as it can, or with a pause in seconds. It ends when the peer disconnects."""
    unit = unit if pause else unit * (65536 // len(unit))

    def attack(connection, _):
        connection.sendall(beginning)
        while True:
            connection.sendall(unit)
            if pause and select.select([connection], [], [], pause)[0] and not connection.recv(65536):
                return

    return attack


def sized(size):
    """An attack that sends this number of bytes, chunked."""

    def attack(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(size // len(BLOCK)):
            connection.sendall(b"%x\r\n" % len(BLOCK) + BLOCK + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    return attack


def bomb(size):
    """So many bytes, packed."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(BLOCK) for _ in range(size // len(BLOCK))]) + packer.flush()


def page(ids, link):
    items = [{"id": number, "name": f"Service {number}", "unitPrice": 1} for number in ids]
    return json.dumps({"items": items, "pageDetails": {"count": len(items), "requestCount": 500, "nextPageUrl": link}})


def pages(link="http://127.0.0.1:9/next"):
    """An attack whose pages never end: each is full, in order, and announces another."""
    numbers = itertools.count(1)

    def attack(connection, _):
        answer(page(itertools.islice(numbers, 500), link))(connection, _)

    return attack


def item(**members):
    """A record of a service, as JSON text, members overridden by JSON text."""
    members = {"id": "1", "name": '"Service 1"', "unitPrice": "1", **members}
    return '{"items":[{%s}],"pageDetails":{"nextPageUrl":null}}' % ",".join(f'"{name}":{value}' for name, value in members.items())


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def attacks():
    """By name."""
    return {
        "a gibibyte, announced": endless(HEAD + b"Content-Length: %d\r\n\r\n" % GIBIBYTE, b" "),
        "a gibibyte, chunked": sized(GIBIBYTE),
        "a gibibyte, packed": answer(bomb(GIBIBYTE), "Content-Encoding: gzip"),
        "a header line without end": endless(HEAD + b"X: ", b"y"),
        "header lines without end": endless(HEAD, b"X: y\r\n"),
        "interim answers without end": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        "trailers without end": endless(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
        "a drip": endless(HEAD + b"Content-Length: 1000000\r\n\r\n", b" ", pause=0.2),
        "pages without end": pages(),
        "the same page again and again": answer(page(range(1, 501), "http://127.0.0.1:9/next")),
        "one record again and again": answer(page([7] * 3, None)),
        "more records than a page has": answer(page(range(1, 2001), None)),
        "an empty page that promises another": answer(page([], "http://127.0.0.1:9/next")),
        "a million values": answer("[" + "0," * 1_000_000 + "0]"),
        "deep nesting": answer("[" * 500_000),
        "a name of 2 MiB": answer(item(name='"' + "x" * (2 << 20) + '"')),
        "a member twice": answer(item(id='1,"id":2')),
        "an id beyond 64 bits": answer(item(id=str(1 << 63))),
        "a price beyond all": answer(item(unitPrice="1e308")),
        "not a number": answer(item(unitPrice="NaN")),
        "a page of HTML": answer("<!DOCTYPE html><title>Please wait</title>"),
        "shorter than announced": last(HEAD + b"Content-Length: 1000\r\n\r\n{"),
        "garbage for chunks": raw(CHUNKED + b"zz\r\n{}\r\n"),
        "two answers for one": raw(HEAD + b"Content-Length: 2\r\n\r\n[]" + HEAD + b'Content-Length: 12\r\n\r\n{"items":[]}'),
    }
