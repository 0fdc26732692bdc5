"""One broker, one simulator, one worker and one monitor for the whole run; a tenant of its own for each test."""

import itertools
import subprocess
import uuid

import pytest

from monitor import Monitor
from portal import Portal
from processes import Broker, Worker
from simulator import Simulator
from tenants import Tenant


def pytest_addoption(parser):
    parser.addoption("--part", metavar="I/N", help="run part I of N, each on servers of its own: every Nth file, and the checks of the whole run")


def pytest_collection_modifyitems(config, items):
    """Checks of the whole run come last, in each part."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    if part := config.getoption("--part"):
        number, count = map(int, part.split("/"))
        files = sorted({item.path for item in items})
        chosen = set(files[number - 1 :: count])
        others = [item for item in items if item.path not in chosen and not item.get_closest_marker("last")]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def broker(directory):
    broker = Broker(directory / "broker")
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def simulator(directory):
    simulator = Simulator(directory)
    yield simulator
    simulator.stop()


@pytest.fixture(scope="session")
def worker(directory, broker, simulator):
    """The worker as in production: only sealed credentials, only trusted publishers."""
    worker = Worker(directory, broker, simulator)
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture(scope="session")
def monitor(broker):
    monitor = Monitor(broker.url("monitor"))
    yield monitor
    monitor.close()


@pytest.fixture(scope="session")
def portal(broker):
    portal = Portal(broker.url("portal"))
    yield portal
    portal.close()


@pytest.fixture(scope="session")
def secrets():
    """Every secret that the run used, for searches where none may be."""
    return []


@pytest.fixture(scope="session")
def numbers():
    return itertools.count(1)


@pytest.fixture(scope="session")
def new_tenant(worker, portal, monitor, simulator, secrets, numbers):
    """Makes a tenant with an Autotask database of its own."""
    key = worker.public_key()

    def make(secret=None, **database):
        secret = secret or f"Secret-{uuid.uuid4().hex}"
        secrets.append(secret)
        return Tenant(next(numbers), secret, key, portal, monitor, simulator, **database)

    return make


@pytest.fixture
def tenant(new_tenant):
    return new_tenant()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of 16 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.fixture
def other_worker(worker):
    """The stopped worker, so that a test starts it differently; afterwards it runs as before."""
    worker.stop()
    yield worker
    if worker.is_running:
        worker.stop()
    worker.process = None
    worker.start()


@pytest.fixture(autouse=True)
def contract_is_kept(request):
    """Fails the test during which an event broke the contract, or the worker ended unexpectedly."""
    if "worker" not in request.fixturenames:
        yield
        return
    worker, monitor = request.getfixturevalue("worker"), request.getfixturevalue("monitor")
    yield
    problems = monitor.take_problems()
    assert not problems, "\n".join(problems)
    assert worker.is_running, worker.log[-4000:]
