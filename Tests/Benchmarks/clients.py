"""The rows of the table that come from the clients alone: AMQP and HTTP beside plain C, by the programs of this folder's Swift package."""

import os
import pathlib
import re
import statistics
import subprocess

import pika

import programs
from processes import plain_environment
from rounds import spread

# Where `swift build -c release --package-path Tests/Benchmarks` leaves them.
CLIENTS = pathlib.Path(os.environ.get("CLIENTS_DIR") or programs.HERE / ".build" / "release")
BODY = b"x" * 400
EXCHANGE, SOURCE, TARGET = "amqp-benchmark", "amqp-benchmark.in", "amqp-benchmark.out"


def measure(bench):
    if not all((CLIENTS / name).exists() for name in ("amqp-benchmark", "http-benchmark")):
        for figure, goal in (("AMQP ÷ plain C", "≥ 0.8"), ("HTTP, 64 in flight ÷ plain C", "≥ 0.9"), ("HTTP, 1,000 in flight", "≤ 60 µs")):
            bench.table.add(figure, f"not measured: {CLIENTS} has no amqp-benchmark and http-benchmark", goal)
        return
    measure_amqp(bench)
    measure_http(bench)


def run(program, *arguments, **environment):
    """The output of a program that has to succeed."""
    ended = subprocess.run(
        [program, *map(str, arguments)], env=plain_environment(**environment), capture_output=True, text=True, timeout=600, check=False
    )
    if ended.returncode:
        raise SystemExit(f"{program} ended with exit code {ended.returncode}: {ended.stdout}{ended.stderr}")
    return ended.stdout


def measure_amqp(bench):
    """Messages a second from one quorum queue to another, with confirms, beside the C floor that copies each message."""
    url, count = bench.installation.broker.environment["TEST_AMQP_URL"], bench.scale.messages
    print("AMQP: consume, publish with confirm, acknowledge:", flush=True)
    ours, theirs, cpu = [], [], []
    for _ in range(bench.scale.rounds):
        bench.probe.wait()
        found = re.search(r"(\d+) messages/s, (\d+) µs", run(CLIENTS / "amqp-benchmark", count, len(BODY), AMQP_URL=url))
        ours.append(int(found.group(1)))
        cpu.append(int(found.group(2)))
        bench.probe.wait()
        theirs.append(copy_by_floor(url, count))
        print(f"  worker's client {ours[-1]} messages/s at {cpu[-1]} µs, plain C {theirs[-1]} messages/s", flush=True)
    ratios = [our / their for our, their in zip(ours, theirs)]
    ratio = statistics.median(ours) / statistics.median(theirs)
    bench.table.add("AMQP ÷ plain C, messages/s", f"{ratio:.2f} [{min(ratios):.2f}..{max(ratios):.2f}]; {spread(cpu)} µs", "≥ 0.8", ratio >= 0.8)


def copy_by_floor(url, count):
    """Messages a second of the C floor, with the queues and messages that amqp-benchmark makes."""
    connection = pika.BlockingConnection(pika.URLParameters(url + "?heartbeat=0"))
    channel = connection.channel()
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    for queue, key in ((SOURCE, "in"), (TARGET, "out")):
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(queue, EXCHANGE, key)
    for number in range(count):
        properties = pika.BasicProperties(
            content_type="application/cloudevents+json", delivery_mode=2, message_id=f"job-{number}", type="autotask.sync.succeeded",
            timestamp=1_790_000_000,
        )  # fmt: skip
        channel.basic_publish(EXCHANGE, "in", BODY, properties)
    # The broker answers this once it has the messages of this channel.
    while channel.queue_declare(SOURCE, passive=True).method.message_count < count:
        connection.sleep(0.05)
    output = run(programs.path("floor"), SOURCE, EXCHANGE, "--copy", "out", count, AMQP_URL=url)
    for queue in (SOURCE, TARGET):
        channel.queue_delete(queue)
    channel.exchange_delete(EXCHANGE)
    connection.close()
    return int(re.search(r"(\d+) messages/s", output).group(1))


def measure_http(bench):
    """Requests a second beside plain C over the same libcurl, against an nginx. The program measures both, one after the other."""
    print("HTTP against an nginx:", flush=True)
    line = re.compile(r"in flight (\d+): (\d+) requests/s, ([\d.]+) µs of processor time each; plain C (\d+) requests/s, ([\d.]+) µs")
    ratios, cpu = [], []
    for _ in range(bench.scale.few):
        bench.probe.wait()
        output = run(CLIENTS / "http-benchmark", bench.scale.requests)
        rounds = {int(found.group(1)): found for found in line.finditer(output)}
        ratios.append(int(rounds[64].group(2)) / int(rounds[64].group(4)))
        cpu.append(float(rounds[1000].group(3)))
        print("  " + output.strip().replace("\n", "\n  "), flush=True)
    bench.table.add("HTTP, 64 in flight ÷ plain C, requests/s", spread(ratios, 2), "≥ 0.9", statistics.median(ratios) >= 0.9)
    bench.table.add("HTTP, 1,000 in flight, CPU a request", f"{spread(cpu, 1)} µs", "≤ 60 µs", statistics.median(cpu) <= 60)
