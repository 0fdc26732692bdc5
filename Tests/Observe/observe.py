"""Plays faults and shows the alerts that they raise. Started by `deploy/observe`."""

import argparse
import contextlib
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))

from alerting_faults import FAULTS
from scene import Scene
from show import FIRING, RESTING, Show


def arguments():
    parser = argparse.ArgumentParser(
        prog="deploy/observe",
        description="Plays faults at real parts, and shows the alerts that they raise: RabbitMQ, a worker, a simulated Autotask, a "
        "collector of traces, and Prometheus with the rules of deploy/prometheus, whose times are divided by 60.",
        epilog=f"Each fault has to make its alerts fire within {FIRING} s, and they have to rest within {RESTING} s after it. Exit code "
        "0: all did. 1: not all; a line for each names it.",
    )
    parser.add_argument("--only", metavar="ALERT[,ALERT]", help="only the faults that raise one of these alerts")
    parser.add_argument("--list", action="store_true", help="list faults and alerts, and do not run")
    parser.add_argument("--programs", metavar="DIR", help="run the autotask-worker and autotask-simulator of DIR instead of building them")
    options = parser.parse_args()
    options.only = set(options.only.split(",")) if options.only else {alert for fault in FAULTS for alert in fault.alerts}
    if unknown := options.only - {alert for fault in FAULTS for alert in fault.alerts}:
        parser.error(f"no fault raises {', '.join(sorted(unknown))}; see --list")
    return options


def main():
    options = arguments()
    chosen = [fault for fault in FAULTS if options.only.intersection(fault.alerts)]
    if options.list:
        for fault in chosen:
            print(f"{', '.join(fault.alerts)}: {fault.title()}")
        return 0
    # So that everything is stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as ending:
        print("RabbitMQ, a simulated Autotask, a worker and Prometheus start. The times of the rules are divided by 60.\n", flush=True)
        begun = time.monotonic()
        scene = Scene(pathlib.Path(directory), ending)
        show = Show(scene.firing)
        is_well = show.run([fault(scene) for fault in chosen])
        words = "Each alert fired and rested." if is_well else "Not all is as it should be."
        print(f"\n{len(chosen)} faults in {time.monotonic() - begun:.0f} s. {words}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
