"""A private Prometheus that scrapes a worker and evaluates the rules."""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import yaml

from contract import ROOT
from processes import plain_environment, poll

RULES = ROOT / "deploy" / "prometheus" / "autotask-worker.rules.yaml"
JOB = "autotask-worker"


class Prometheus:
    """Scrapes one worker, and evaluates the rules four times a second."""

    def __init__(self, directory, target, rules=RULES, interval="250ms"):
        """`target` is `host:port`. `interval` is the time between two scrapes, and the most that one may take."""
        settings = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": "250ms"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}]}],
        }
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        log = directory / "prometheus.log"
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={directory / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={directory / 'data'}",
                    "--web.listen-address=127.0.0.1:0",
                ],
                env=plain_environment(),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            listening = re.compile(r'msg="Listening on" address=(\S+)')
            found = poll(lambda: listening.search(log.read_text(errors="replace")), 30, "the start of Prometheus", self.process)
            self.url = f"http://{found.group(1)}"
            poll(self.is_ready, 30, "Prometheus is ready", self.process)
            poll(lambda: self.query(f'up{{job="{JOB}"}} == 1'), 30, "the first scrape", self.process)
        except BaseException:
            self.stop()
            raise

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=30):
                return True
        except urllib.error.HTTPError:
            return False

    def ask(self, path, **parameters):
        """The data of an answer of its API."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
                content = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error
        assert content["status"] == "success" and not content.get("warnings"), content
        return content["data"]

    def query(self, expression):
        """The present series of an expression, as (labels, value)."""
        result = self.ask("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def rules(self):
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def await_scrapes(self, count):
        """Waits until the worker was scraped this often from now on."""

        def scrapes():
            return self.query(f'count_over_time(up{{job="{JOB}"}}[1h])')[0][1]

        before = scrapes()
        poll(lambda: scrapes() >= before + count, 30, f"{count} scrapes", self.process)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
