#!/usr/bin/env python3
"""Many tenants at once: 250 × (connect, sync of four services), with 200 ms at every call to Autotask, on one worker.

Measures one tenant's own chain alone (median of five), then all tenants at once, from the first publication to the last terminal event,
and asks the simulator how many calls it ever saw in flight for one entity of one database. Ten more tenants share one database.

    BIN_DIR=.build/release python Tests/Benchmarks/many_tenants.py [--tenants 250] [--latency 200]
"""

import argparse
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

from load import Endings, Load, database  # noqa: E402
from processes import Broker, Worker  # noqa: E402
from simulator import Simulator  # noqa: E402

SHARED_DATABASE = 900000
SHARING = 10


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tenants", type=int, default=250)
    arguments.add_argument("--latency", type=int, default=200, help="milliseconds")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        measure(options, pathlib.Path(directory))


def measure(options, directory):
    broker = Broker(directory / "broker")
    try:
        simulator = Simulator(directory)
        worker = Worker(directory, broker, simulator)
        alone = [f"alone-{number}" for number in range(5)]
        many = [f"msp-{number}" for number in range(options.tenants)]
        sharing = [f"sharing-{number}" for number in range(SHARING)]
        databases = [database(100000 + number, [tenant]) for number, tenant in enumerate(alone + many)]
        simulator.request("PUT", "databases", {"databases": databases + [database(SHARED_DATABASE, sharing)]})
        simulator.request("PATCH", "settings", {"latencyMilliseconds": options.latency, "quotaLatencyScale": 0})
        worker.start()
        endings = Endings(broker.url("monitor"))
        load = Load(broker.url("portal"), worker.public_key())

        def run(tenants):
            jobs = [job for tenant in tenants for job in load.chain(tenant, tenant, f"Secret-{tenant}")]
            started = time.monotonic()
            load.publish(jobs)
            seconds = endings.wait([job["id"] for job in jobs], 120) - started
            bad = [job["id"] for job in jobs if endings.types[job["id"]] not in ("autotask.connection.established", "autotask.sync.succeeded")]
            if bad:
                raise SystemExit(f"{len(bad)} of {len(jobs)} jobs failed: {endings.types[bad[0]]}\n{worker.log[-3000:]}")
            return seconds

        single = statistics.median(run([tenant]) for tenant in alone)
        print(f"one tenant alone:            {single:6.2f} s (median of {len(alone)})")
        together = run(many)
        print(f"{options.tenants} tenants at once:         {together:6.2f} s, {together / single:.2f} times one alone (the limit is 1.5)")
        shared = run(sharing)
        print(f"{SHARING} tenants of one database:  {shared:6.2f} s")
        summary = simulator.request("GET", "calls/summary")
        # The zone look-up is exempt from Autotask's thread limit, and comes before the database is known.
        most = max(row["count"] for row in summary["maximumInFlight"] if row["entity"] not in ("*", "ZoneInformation"))
        print(f"calls: {summary['calls']}; most in flight for one entity of one database: {most} (the limit is 2)")
        worker.stop()
        simulator.stop()
        if together > 1.5 * single or most > 2:
            raise SystemExit(1)
    finally:
        broker.stop()


if __name__ == "__main__":
    main()
