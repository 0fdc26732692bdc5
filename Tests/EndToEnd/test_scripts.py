"""The scripts of `deploy/` and `.ci/`: none has a pipe whose reader may close early, and each that fails prints where and why."""

import os
import re
import signal
import subprocess

import contract
import pytest

ROOT = contract.ROOT
SCRIPTS = sorted(
    path
    for folder in ("deploy", ".ci")
    for path in (ROOT / folder).iterdir()
    if path.is_file() and (path.suffix == ".sh" or path.read_bytes()[:2] == b"#!")
)

# A reader that may end before its input does: then the writer gets SIGPIPE, and `pipefail` ends the script.
HASTY = re.compile(
    r"""(?<!\|)\|&?(?!\|)\s*(?:\\\n\s*)?(?:env\s+|command\s+|LC_ALL=\S+\s+)*(?:
        head\b
        | (?:e|f|z)?grep\b[^|;\n]*?\s(?:-[a-zA-Z]*[qmlL]|--quiet|--silent|--max-count|--files-with)
        | sed\b[^|\n]*?(?:[0-9$/}]|["';{\s])[qQ](?=[\s;}"'0-9]|$)
        | awk\b[^|\n]*\bexit\b
        | (?:read|mapfile\s+-n|true|false|:|cmp|less|more|yes)(?=\s|$|[;)])
        | (?:timeout|dd|tail\s+--pid)\b
    )""",
    re.X,
)


def hasty_pipes(text):
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [found.group() for found in HASTY.finditer(code)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_pipe_of_a_script_has_a_reader_that_may_close_early(script):
    assert hasty_pipes(script.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        'tail -c +$((shown + 1)) "$log" | head -c 10 | sed "s/^/  /"',
        'tail -c +3 "$log" | grep -q "$expected" && break',
        "ps | grep -Fqx worker",
        "ps | grep --quiet worker",
        "ps | egrep -m1 worker",
        "cat log | sed 5q",
        "cat log | sed -n '/error/{p;q}'",
        "cat log | awk '{ print; exit }'",
        "cat log | read first",
        "cat log |\n    head -n 1",
        "cat log | \\\n    head -n 1",
        "cat log |& head",
        "cat log | LC_ALL=C grep -l word",
    ],
)
def test_a_pipe_whose_reader_may_close_early_is_found(line):
    assert hasty_pipes(line)


@pytest.mark.parametrize(
    "line",
    [
        'head -n 1 "$file" | sort',
        "grep -q word file || true",
        "sort | uniq -c | tail -n 1",
        "sed -n 's/quick/q/p' file | sort",
        "variants | tr '\\n' ' '",
        "swift format | grep -v quick",
        "# tail | head",
    ],
)
def test_a_pipe_that_is_read_to_its_end_is_none_of_them(line):
    assert hasty_pipes(line) == []


def heed_signals():
    """A shell cannot trap a signal that was ignored when it began, as SIGINT is in a background job, and SIGHUP under nohup."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def run(body, tmp_path, **options):
    """Runs a script that begins as those of `deploy/` do."""
    script = tmp_path / "script"
    script.write_text(f'#!/usr/bin/env bash\nsource "{ROOT}/deploy/lib.sh"\n{body}\n', encoding="utf-8")
    script.chmod(0o755)
    options.setdefault("preexec_fn", heed_signals)
    return subprocess.run([script], capture_output=True, text=True, timeout=60, **options)


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("false", 3, "status 1 of: false"),
        ("inner() {\n  ls /nowhere\n}\ninner", 4, "of: ls /nowhere"),
        ("text=$(cat /nowhere)", 3, "cat /nowhere"),
        ("seq 1 1000000 | sleep 0.01", 3, "(PIPE)"),
        ('step "something" false', 3, "something: failed"),
        ("( exit 7 )", 3, "status 7"),
        ('echo "$nothing"', 3, "nothing: unbound variable"),
        ("waiting() { kill -TERM $$; sleep 5; }; waiting", None, "ended by SIGTERM in waiting"),
        ("waiting() { kill -HUP $$; sleep 5; }; waiting", None, "ended by SIGHUP in waiting"),
        ("waiting() { kill -INT $$; sleep 5; }; waiting", None, "ended by SIGINT in waiting"),
        ("exit 5", None, "ended with status 5"),
    ],
)
def test_a_script_that_ends_says_where_and_why_and_tidies_up(body, line, words, tmp_path):
    ended = run(f"clean_up() {{ touch {tmp_path}/tidy; }}; {body}", tmp_path)
    assert ended.returncode != 0
    assert words in ended.stderr, ended.stderr
    assert line is None or f"line {line}" in ended.stderr, ended.stderr
    assert (tmp_path / "tidy").exists()


def test_a_script_that_announces_its_end_adds_nothing(tmp_path):
    ended = run('fail "The reason."', tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "The reason.\n")


def test_a_script_that_succeeds_says_nothing(tmp_path):
    ended = run("if false; then :; fi; false || true; true", tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_script_runs_with_a_closed_file(closed, tmp_path):
    body = 'say "begun"; note "more" >&2; cat; while read -r _; do :; done; touch "$(dirname "$0")/done"'
    ended = run(body, tmp_path, stdin=subprocess.DEVNULL, preexec_fn=lambda: os.close(closed))
    assert ended.returncode == 0 and (tmp_path / "done").exists()


def test_a_script_whose_reader_is_gone_tidies_up(tmp_path):
    script = tmp_path / "script"
    script.write_text(
        f'#!/usr/bin/env bash\nsource "{ROOT}/deploy/lib.sh"\nclean_up() {{ touch {tmp_path}/tidy; }}\n'
        "for _ in $(seq 100); do say line; sleep 0.02; done\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    process = subprocess.Popen([script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(timeout=60) not in (0, -signal.SIGPIPE)
    assert "say line" in errors or "SIGPIPE" in errors
    assert (tmp_path / "tidy").exists()
