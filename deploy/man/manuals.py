#!/usr/bin/env python3
"""Writes the manual pages from the program's own help: one of the program, and one of each command with its subcommands.

    deploy/man/manuals.py [PROGRAM]     PROGRAM is .build/debug/autotask-worker by default

The pages are mdoc(7). Tests/EndToEnd/test_manuals.py fails when they are not those of the help. Nothing installs them; by hand:

    install -m 644 deploy/man/*.1 /usr/local/share/man/man1/
"""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

PLACE = pathlib.Path(__file__).resolve().parent
PROGRAM = "autotask-worker"
#: The date of the texts. Change it with a release.
DATE = "December 1, 2026"
#: Characters that mdoc has its own names for.
SPECIAL = {"\\": r"\e", "…": r"\&...", "±": r"\(+-", "→": r"\(->", "–": r"\(en", "×": r"\(mu"}


def escaped(text):
    shown = "".join(SPECIAL.get(character, character if character.isascii() else f"\\[u{ord(character):04X}]") for character in text)
    return r"\&" + shown if shown[:1] in (".", "'") else shown


def prose(text):
    """Lines of a text: each sentence begins a line, and no line is long."""
    lines = []
    for sentence in re.split(r"(?<=[.:;!?]) (?=[A-Z'\"(-])", " ".join(text.split())):
        lines += textwrap.wrap(escaped(sentence), 76, break_long_words=False, break_on_hyphens=False)
    # A word that begins with a dot would be a macro.
    return [r"\&" + line if line.startswith((".", "'")) else line for line in lines]


def paragraphs(command):
    """The discussion of a command, without its example, which has a section of its own."""
    texts = [text for text in re.split(r"\n\s*\n", command.get("discussion", "")) if text.strip()]
    return [text for text in texts if not text.startswith(("Example:", "Exit codes:", "Settings:"))]


def marked(commands, mark):
    """The rest of the paragraphs that begin with a mark."""
    found = []
    for command in commands:
        for text in re.split(r"\n\s*\n", command.get("discussion", "")):
            if text.startswith(mark):
                found.append(" ".join(text.removeprefix(mark).split()))
    return found


def shown(command):
    return [argument for argument in command.get("arguments", []) if argument.get("shouldDisplay", True)]


def spelled(argument):
    """An argument as macros: `Fl -tenant Ar id`."""
    if argument["kind"] == "positional":
        return f"Ar {escaped(argument['valueName'])}"
    name = argument["preferredName"]
    flag = f"Fl {'-' if name['kind'] == 'long' else ''}{name['name']}"
    return flag if argument["kind"] == "flag" else f"{flag} Ar {escaped(argument['valueName'])}"


def meaning(argument):
    text = argument.get("abstract") or argument.get("discussion") or ""
    text = text.rstrip(".") + "." if text else ""
    values = argument.get("allValues")
    if values and argument["kind"] == "option":
        text += f" One of: {', '.join(values)}."
    default = argument.get("defaultValue")
    return text + (f" The default is {default}." if default and argument["kind"] != "flag" else "")


def options(command):
    lines = [".Bl -tag -width Ds"]
    for argument in shown(command):
        lines += [f".It {spelled(argument)}", *prose(meaning(argument))]
    return [*lines, ".El"]


def synopsis(words, command):
    lines = [f".Nm {PROGRAM}", *(f".Cm {word}" for word in words)]
    for argument in shown(command):
        if argument["kind"] == "positional":
            lines.append(f".{'Op ' if argument['isOptional'] else ''}{spelled(argument)}" + (" ..." if argument["isRepeating"] else ""))
    return [*lines, ".Op Ar options"]


def leaves(command, words):
    """The commands that can be run, each with its words."""
    inner = [sub for sub in command.get("subcommands", []) if sub["commandName"] != "help"]
    if not inner:
        return [(words, command)]
    return [leaf for sub in inner for leaf in leaves(sub, [*words, sub["commandName"]])]


def head(name, abstract):
    return [
        ".\\\" Made by deploy/man/manuals.py from the help of the program.",
        f".Dd {DATE}", f".Dt {name.upper()} 1", ".Os", ".Sh NAME", f".Nm {name}", f".Nd {escaped(abstract[:1].lower() + abstract[1:].rstrip('.'))}",
    ]


def closing(commands, see):
    lines = [".Sh EXIT STATUS"]
    for text in marked(commands, "Exit codes:"):
        lines += [*prose("In particular: " + text), ".Pp"]
    lines += prose("0 done, 1 the answer is no, 2 wrong usage, 69 something that the command needs is not available, 70 a defect of the program.")
    examples = dict.fromkeys(marked(commands, "Example:"))
    if examples:
        lines += [".Sh EXAMPLES"]
        for text in examples:
            lines += [".Dl " + escaped(text)]
    return [*lines, ".Sh SEE ALSO", *(f".Xr {page} 1{' ,' if page != see[-1] else ''}" for page in see)]


def of_command(command):
    """The page of a command."""
    name = f"{PROGRAM}-{command['commandName']}"
    runnable = leaves(command, [command["commandName"]])
    lines = [*head(name, command["abstract"]), ".Sh SYNOPSIS"]
    for words, leaf in runnable:
        lines += synopsis(words, leaf)
    lines += [".Sh DESCRIPTION"]
    for text in paragraphs(command) or [command["abstract"]]:
        lines += [*prose(text), ".Pp"]
    if len(runnable) > 1 or runnable[0][1] is not command:
        lines += ["The commands are:"]
    else:
        lines += ["The options are:"]
    for words, leaf in runnable:
        if leaf is not command:
            lines += [f".Ss {' '.join(words)}", *prose(leaf["abstract"])]
            for text in paragraphs(leaf):
                lines += [".Pp", *prose(text)]
            lines += [".Pp", "The options are:"]
        lines += options(leaf)
    return name, [*lines, *closing([command, *(leaf for _, leaf in runnable if leaf is not command)], [PROGRAM])]


def of_program(program, settings, pages):
    """The page of the program, with all settings."""
    lines = [*head(PROGRAM, program["abstract"]), ".Sh SYNOPSIS", f".Nm {PROGRAM}", ".Ar command", ".Op Ar options", f".Nm {PROGRAM}", ".Fl -version"]
    lines += [".Sh DESCRIPTION"]
    for text in paragraphs(program):
        lines += [*prose(text), ".Pp"]
    lines += ["The commands are:", ".Bl -tag -width Ds"]
    for command in commands(program):
        lines += [f".It Cm {command['commandName']}", *prose(command["abstract"])]
    lines += [".El", ".Sh SETTINGS", *prose(paragraphs(settings)[0]), ".Pp"]
    lines += prose("A running worker takes some of them from the file again on SIGHUP. The setting of an option is the variable with the same name in capitals:")
    lines += [".Fl -store-url", "is", ".Ev STORE_URL .", *options(settings)[:-1], ".El"]
    lines += [
        ".Sh FILES", ".Bl -tag -width Ds", ".It Pa $STATE_DIRECTORY", *prose("The state directory under systemd. Relative paths of settings begin there."),
        ".It Pa ~/.local/state/autotask-worker", *prose("The state directory otherwise, unless XDG_STATE_HOME is set."), ".El",
    ]
    return PROGRAM, [*lines, *closing([program], pages)]


def commands(program):
    return [command for command in program["subcommands"] if command["commandName"] not in ("help", "settings")]


def manuals(program_path):
    """Each page by its file's name."""
    dump = subprocess.run([program_path, "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
    program = json.loads(dump)["command"]
    settings = next(command for command in program["subcommands"] if command["commandName"] == "settings")
    pages = [of_command(command) for command in commands(program)]
    pages.append(of_program(program, settings, sorted(name for name, _ in pages)))
    return {f"{name}.1": "\n".join(lines) + "\n" for name, lines in pages}


def main():
    made = manuals(sys.argv[1] if len(sys.argv) > 1 else PLACE.parent.parent / ".build" / "debug" / PROGRAM)
    for old in PLACE.glob("*.1"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (PLACE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
