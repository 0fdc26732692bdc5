"""Reads the messages that the worker logs from its sources."""

import dataclasses
import re

from contract import ROOT

LEVELS = ("trace", "debug", "info", "notice", "warning", "error", "critical")
#: `log.info(…)`, or `context.log(.info, …)` of an attempt at a job.
CALL = re.compile(rf"\b(?:log|logger)(?:\.({'|'.join(LEVELS)}))?\((?!level)")
#: The line about lost lines is no call: the stream makes it.
MADE = re.compile(r'let message = ("Log lines[^"]+")')


@dataclasses.dataclass
class Message:
    levels: set
    #: The keys that its calls have, as far as the source spells them there.
    keys: set
    #: Whether all keys of all its calls are spelled there.
    is_complete: bool = True
    #: Whether it is about an attempt at a job, and has the job's keys.
    is_of_job: bool = False


def log_keys():
    """The keys by their names in Swift."""
    source = (ROOT / "Sources" / "Telemetry" / "LogKey.swift").read_text(encoding="utf-8")
    body = source[source.index("enum LogKey") : source.index("extension LogKey")]
    return {name: text or name for name, text in re.findall(r"^    case (\w+)(?: = \"(\w+)\")?$", body, flags=re.M)}


def arguments(text, start):
    """The text of a call's arguments."""
    depth, quoted, position = 1, False, start
    while depth:
        character = text[position]
        if character == '"' and text[position - 1] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
        position += 1
    return text[start : position - 1]


def first_string(text):
    """The first string literal, as it is logged; `None` if it has none."""
    if match := re.search(r'"""\n(.*?)"""', text, flags=re.S):
        return " ".join(re.sub(r"\\\n", "", match.group(1)).split())
    match = re.search(r'"((?:[^"\\]|\\.)*)"', text)
    return match and match.group(1)


def logged():
    """Every message of the worker's, by its text."""
    names, found = log_keys(), {}
    for path in sorted((ROOT / "Sources").rglob("*.swift")):
        if "autotask-simulator" in path.parts:
            continue
        text = re.sub(r"///[^\n]*", "", path.read_text(encoding="utf-8"))
        for made in MADE.finditer(text):
            found[made.group(1).strip('"')] = Message({"warning"}, {"count"})
        for call in CALL.finditer(text):
            inside = arguments(text, call.end())
            of_job = call.group(1) is None
            if of_job and not re.match(r"\s*(?:\.|\w+(?:\.\w+)? \?)", inside):
                continue
            message = first_string(inside)
            levels = {call.group(1)} if call.group(1) else {level for level in LEVELS if re.search(rf"\.{level}\b", inside.split('"')[0])}
            assert message and levels and "\\(" not in message, f"{path}: {inside}"
            rest = inside[inside.index('"') :]
            keys = {names[key] for key in re.findall(r"[\[,]\s*\.(\w+): ", rest)}
            details = re.sub(r'^"""(.*?)"""|^"(?:[^"\\]|\\.)*"', "", rest, flags=re.S).strip(", \n")
            complete = not details or bool(re.fullmatch(r"(?:metadata: )?\.keys\(\[.*\]\)", details, flags=re.S))
            entry = found.setdefault(message, Message(set(), set()))
            entry.levels |= levels
            entry.keys |= keys
            entry.is_complete &= complete
            entry.is_of_job |= of_job
    return found
