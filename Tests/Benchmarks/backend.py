"""What answers in place of Autotask: an nginx without delay, or a small server that answers after a fixed time."""

import json
import subprocess
import urllib.error
import urllib.request

import programs
from processes import plain_environment, poll

# The members that the worker asks for with `IncludeFields`, which are those that Autotask sends.
FIELDS = ["id", "name", "unitPrice", "unitCost", "billingCodeID", "periodType", "isActive", "internalID"]


def page(items, fields=None):
    """A query's answer, with these members of each item, or with all."""
    if fields:
        items = [{name: item[name] for name in fields} for item in items]
    return json.dumps({"items": items, "pageDetails": {"count": len(items), "requestCount": 500, "prevPageUrl": None, "nextPageUrl": None}}, default=float)


class Nginx:
    """Answers each user's reads with prepared bodies, on the port that the simulator had."""

    def __init__(self, directory, port, services):
        self.directory = directory / "nginx"
        self.directory.mkdir(exist_ok=True)
        self.port = port
        bodies = "\n".join(f"        {user} '{body}';" for user, body in services.items())
        (self.directory / "nginx.conf").write_text(
            f"""
daemon off;
master_process off;
pid {self.directory}/nginx.pid;
error_log {self.directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    map_hash_max_size 131072;
    map_hash_bucket_size 128;
    default_type application/json;
    client_body_temp_path {self.directory}/body;
    map $http_username $services {{
{bodies}
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location ~* Services/query {{ return 200 $services; }}
        location / {{ return 404; }}
    }}
}}
"""
        )
        self.process = subprocess.Popen(["nginx", "-c", self.directory / "nginx.conf"])
        poll(lambda: answers(port), 20, "the start of nginx", self.process)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


class DelayedAutotask:
    """Answers queries after a fixed time. `answers` are (user, text in the query, body)."""

    def __init__(self, directory, port, milliseconds, answers_of_users):
        file = directory / "answers"
        file.write_text("".join(f"{user}\t{text}\t{body}\n" for user, text, body in answers_of_users), encoding="utf-8")
        self.process = subprocess.Popen(
            [programs.path("autotask"), str(port), str(milliseconds), file], env=plain_environment(), stdout=subprocess.PIPE, text=True
        )
        poll(lambda: answers(port), 20, "the start of the delayed Autotask", self.process)

    def stop(self):
        """Returns the moment of the first query in seconds since 1970, the number of queries, and the most that waited at once."""
        self.process.terminate()
        first, queries, most = self.process.communicate(timeout=10)[0].split()
        return float(first) / 1e3, int(queries), int(most)


def answers(port):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
