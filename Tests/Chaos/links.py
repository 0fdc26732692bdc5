"""A network that can be made to fail: TCP proxies before the broker and before Autotask."""

import asyncio
import collections
import enum
import functools
import random
import socket
import struct
import threading
import time
import urllib.parse

CHUNK = 65536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Mode(enum.Enum):
    PASS = "pass"
    DOWN = "down"  # Whoever connects is reset.
    SILENT = "silent"  # The peer is silent: connections are accepted, and nothing passes in either direction.
    SLOW = "slow"  # Every piece waits, and bytes trickle.
    LOSSY = "lossy"  # A request gets through, and its answer does not: the connection is reset instead.


class Network:
    """One thread that carries the bytes of all links."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="network", daemon=True)
        self.thread.start()

    def call(self, function):
        """Runs a function on the network's thread, and returns its answer."""

        async def run():
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(timeout=30)

    def link(self, target_port, observer=None):
        """A link before a server on the loopback interface."""
        return asyncio.run_coroutine_threadsafe(Link.open(self, target_port, observer), self.loop).result(timeout=30)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(timeout=10)


class Link:
    """A proxy with a port of its own before one server. Its mode may change at any time.

    What was held back while a link was silent is never delivered: its connections are reset when the silence ends, as those of a
    host that comes back. So nothing reaches Autotask later than the network's own delay.
    """

    def __init__(self, network, target_port, observer):
        self.network = network
        self.target_port = target_port
        self.observer = observer
        self.mode = Mode.PASS
        self.connections = set()
        self.chance = random.Random(target_port)
        self.delay = 0.0  # Seconds that each piece waits while the link is slow.
        self.bytes_per_second = 0
        self.loss = 0.0  # The share of answers that a lossy link swallows.
        self.lost_answers = 0
        self.reset_connections = 0
        self.accepted_at = []  # By time.monotonic().

    @classmethod
    async def open(cls, network, target_port, observer):
        link = cls(network, target_port, observer)
        link.server = await asyncio.start_server(link.accept, "127.0.0.1", 0, limit=CHUNK)
        link.port = link.server.sockets[0].getsockname()[1]
        return link

    # Steering, from any thread

    def set(self, mode, **properties):
        def change():
            if self.mode is Mode.SILENT and mode is not Mode.SILENT:
                self.drop([connection for connection in self.connections if connection.is_silent])
            self.mode = mode
            for name, value in properties.items():
                setattr(self, name, value)
            if mode is Mode.SILENT:
                for connection in self.connections:
                    connection.is_silent = True
            if mode is Mode.DOWN:
                self.drop(self.connections)

        self.network.call(change)

    def cut(self):
        """Resets what is connected, and lets others connect.

        Returns: how many connections there were.
        """
        return self.network.call(lambda: self.drop(self.connections))

    def silence_present(self):
        """Makes the present connections half-open, as a forgetful firewall does: others may connect.

        Returns: how many there were.
        """

        def silence():
            for connection in self.connections:
                connection.is_silent = True
            return len(self.connections)

        return self.network.call(silence)

    def forget_silent(self):
        """Resets the connections that are half-open still."""
        return self.network.call(lambda: self.drop([connection for connection in self.connections if connection.is_silent]))

    def drop(self, connections):
        connections = list(connections)
        for connection in connections:
            connection.reset()
        self.reset_connections += len(connections)
        return len(connections)

    # Carrying, on the network's thread

    async def accept(self, reader, writer):
        connection = Connection(self, writer)
        if self.mode is Mode.DOWN:
            return connection.reset()
        self.accepted_at.append(time.monotonic())
        connection.is_silent = self.mode is Mode.SILENT
        self.connections.add(connection)
        try:
            await connection.carry(reader)
        finally:
            self.connections.discard(connection)
            connection.close()


class Connection:
    """One client's connection, and the connection to the server behind it."""

    def __init__(self, link, client):
        self.link = link
        self.client = client
        self.client_port = client.get_extra_info("peername")[1]
        self.server = None
        self.is_silent = False
        self.tasks = []
        self.doomed = asyncio.Event()
        self.request = None  # What the observer keeps of the request in progress.

    async def carry(self, from_client):
        try:
            from_server, self.server = await asyncio.open_connection("127.0.0.1", self.link.target_port, limit=CHUNK)
        except OSError:
            return self.reset()
        self.tasks = [
            asyncio.ensure_future(self.pump(from_client, self.server, self.sent)),
            asyncio.ensure_future(self.pump(from_server, self.client, self.answered)),
        ]
        doom = asyncio.ensure_future(self.doomed.wait())
        await asyncio.wait([*self.tasks, doom], return_when=asyncio.FIRST_COMPLETED)
        for task in [*self.tasks, doom]:
            task.cancel()
        await asyncio.gather(*self.tasks, doom, return_exceptions=True)

    async def pump(self, reader, writer, passes):
        while data := await reader.read(CHUNK):
            if self.link.mode is Mode.SLOW:
                await asyncio.sleep(self.link.delay + (len(data) / self.link.bytes_per_second if self.link.bytes_per_second else 0))
            if self.is_silent:
                await self.doomed.wait()
            if not passes(data):
                return self.reset()
            writer.write(data)
            await writer.drain()

    def sent(self, data):
        """Whether what the client sent may pass."""
        return self.link.observer is None or self.link.observer.sent(self, data)

    def answered(self, data):
        """Whether what the server sent may pass."""
        link = self.link
        if link.mode is Mode.LOSSY and link.chance.random() < link.loss:
            link.lost_answers += 1
            return False
        if link.observer is not None:
            link.observer.answered(self)
        return True

    def reset(self):
        """Ends it by a RST in both directions."""
        self.doomed.set()
        for writer in filter(None, (self.client, self.server)):
            endpoint = writer.get_extra_info("socket")
            if endpoint is not None and endpoint.fileno() >= 0:
                endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()

    def close(self):
        if self.link.observer is not None:
            self.link.observer.closed(self)
        for writer in filter(None, (self.client, self.server)):
            writer.transport.abort() if self.is_silent else writer.close()


class CallObserver:
    """Reads the heads of requests to Autotask as they pass: whose they are, and how many are in progress at once.

    A call is in progress from the moment its head passes to the first byte of its answer or the end of its connection: so a worker
    that is dead has none, even while Autotask still works on them.
    """

    def __init__(self):
        self.database_of = {}  # By user name in lower case; filled where databases are made.
        self.in_progress = {}
        self.begun = collections.defaultdict(list)  # By database, time.time() of each call in progress.
        self.too_many = []  # (time.time(), database, how many seconds each call has been in progress, path)
        self.calls = 0
        self.unheard = collections.defaultdict(list)  # By user name in lower case, time.time() of each call whose answer never arrived.
        self.on_call = None  # Asked with (user, client port) whether a call may pass.
        self.limit = 2

    def sent(self, connection, data):
        if connection.request is not None:
            return True  # The rest of a request.
        head = data.split(b"\r\n\r\n", 1)[0].decode("latin-1")
        line, _, headers = head.partition("\r\n")
        user = header(headers, "username")
        path = line.split(" ")[1] if line.count(" ") >= 2 else ""
        lookup = user_of_lookup(path)
        self.calls += 1
        if self.on_call is not None and not self.on_call((user or lookup or "").lower(), connection.client_port):
            return False
        database = self.database_of.get((user or "").lower())
        now = time.time()
        connection.request = (database, (user or "").lower(), now)
        if database is not None:
            self.in_progress[database] = self.in_progress.get(database, 0) + 1
            self.begun[database].append(now)
            if len(self.begun[database]) > self.limit:
                self.too_many.append((now, database, [round(now - begun, 1) for begun in self.begun[database]], line))
        return True

    def answered(self, connection):
        self.end(connection)

    def closed(self, connection):
        if (request := self.end(connection)) is not None:
            _, user, sent_at = request
            self.unheard[user].append(sent_at)

    def end(self, connection):
        """Returns: what was kept of the call in progress, if there was one."""
        request, connection.request = connection.request, None
        if request is not None and request[0] is not None:
            self.in_progress[request[0]] -= 1
            self.begun[request[0]].remove(request[2])
        return request


def header(headers, name):
    for line in headers.split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return None


@functools.lru_cache(maxsize=4096)
def user_of_lookup(path):
    """Whose zone is looked up, or `None`."""
    address = urllib.parse.urlsplit(path)
    if not address.path.lower().endswith("/zoneinformation"):
        return None
    return (urllib.parse.parse_qs(address.query).get("user") or [None])[0]
