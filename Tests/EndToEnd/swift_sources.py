"""Reads the declarations of Swift sources and the links of their doc comments."""

import dataclasses
import re

DECLARATION = re.compile(
    r"\b(?:(?P<type>struct|class|enum|actor|protocol|extension)\s+(?!func\b|var\b|let\b)(?P<type_name>[\w.]+)"
    r"|(?P<value>var|let|typealias|associatedtype)\s+`?(?P<value_name>\w+)"
    r"|func\s+`?(?P<function>\w+)`?\s*(?:<[^>]*>)?\("
    r"|(?P<init>init)\b[?!]?\s*(?:<[^>]*>)?\(|(?P<subscript>subscript)\s*(?:<[^>]*>)?\("
    r"|case\s+(?P<case>`?\w+))"
)
LINK = re.compile(r"``([^`]+)``")


@dataclasses.dataclass
class Link:
    text: str
    #: The types whose members it may name without them, from the inside out; `""` is none.
    around: list


class Sources:
    """The declarations and links of some files: the members of each type by its whole path (`""` is none), and the links of each file."""

    def __init__(self, texts):
        self.members, self.links = {"": set()}, {}
        for name, text in texts.items():
            self.links[name] = read(text, self.members)

    def resolves(self, link, modules=()):
        """Whether a link names something that is declared. It may begin with the name of a module."""
        path = re.sub(r"-\(.*", "", link.text).split("/")
        return any(self.leads(path, start) for start in link.around) or path[0] in modules and self.leads(path[1:], "")

    def leads(self, path, place):
        for part in path:
            if part not in self.members.get(place, ()):
                return False
            place = f"{place}.{part}" if f"{place}.{part}" in self.members else part
        return True


def blanked(text):
    """The code alone, at the same offsets: comments and the contents of strings become spaces, except line ends."""
    out, index = list(text), 0

    def blank(start, end):
        for position in range(start, end):
            if out[position] != "\n":
                out[position] = " "

    def string(start):
        """Blanks a string literal, and returns its end. Code in interpolations is blanked with it."""
        opening = re.compile(r'(#*)("""|")').match(text, start)
        hashes, quote = opening.groups()
        position = opening.end()
        while not text.startswith(quote + hashes, position):
            if text.startswith("\\" + hashes + "(", position):
                position = interpolation(position + len(hashes) + 2)
            elif not hashes and text[position] == "\\":
                position += 2
            else:
                position += 1
        blank(start, position + len(quote + hashes))
        return position + len(quote + hashes)

    def interpolation(position):
        depth = 1
        while depth:
            if text[position] == '"':
                position = string(position)
                continue
            depth += {"(": 1, ")": -1}.get(text[position], 0)
            position += 1
        return position

    while index < len(text):
        if text.startswith("//", index):
            end = text.find("\n", index)
            end = len(text) if end < 0 else end
            blank(index, end)
            index = end
        elif text.startswith("/*", index):
            end = text.index("*/", index) + 2
            blank(index, end)
            index = end
        elif re.compile(r'#*"').match(text, index):
            index = string(index)
        else:
            index += 1
    return "".join(out)


def parts(code, start, ends):
    """The text between `start` and the first of some characters outside of brackets, cut at its commas."""
    found, depth, begun = [], 0, start
    for position in range(start, len(code)):
        character = code[position]
        if depth == 0 and character in "," + ends:
            found.append(code[begun:position].strip())
            begun = position + 1
            if character in ends:
                return [part for part in found if part]
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
    return []


def labels(code, start, has_labels=True):
    """A parameter list as a link spells it: `(_:by:)`. The parameter of a subscript is no label."""
    names = [parameter.split(":")[0].split() if ":" in parameter else ["_"] for parameter in parts(code, start, ")")]
    return "(" + "".join(f"{words[0] if has_labels or len(words) > 1 else '_'}:" for words in names) + ")"


def declared(match, code):
    """The names by which a link may call a declaration."""
    if match["value_name"]:
        return [match["value_name"]]
    if match["case"]:
        cases = parts(code, match.start("case"), "\n}")
        names = [re.match(r"`?(\w+)", case).group(1) for case in cases]
        return names + [name + labels(case, case.index("(") + 1) for name, case in zip(names, cases, strict=True) if "(" in case]
    name = match["function"] or match["init"] or match["subscript"]
    return [name, name + labels(code, match.end(), has_labels=name != "subscript")]


def read(text, members):
    """Adds what a file declares, and returns its links."""
    code = blanked(text)
    declarations = {match.start(): match for match in DECLARATION.finditer(code)}
    comments = {match.start(): match.group() for match in re.finditer(r"///[^\n]*", text) if not code[match.start()].strip()}
    links, pending, scopes, opening = [], [], [], None
    for position, character in enumerate(code):
        if position in comments:
            pending += LINK.findall(comments[position])
        if (match := declarations.get(position)) and all(scopes):
            around = [*reversed(scopes), ""]
            if match["type"]:
                opening = match["type_name"] if match["type"] == "extension" or not scopes else f"{around[0]}.{match['type_name']}"
                members.setdefault(opening, set())
                if match["type"] != "extension":
                    members.setdefault(around[0], set()).add(match["type_name"])
            else:
                members.setdefault(around[0], set()).update(declared(match, code))
            links += [Link(text, [opening, *around] if match["type"] else around) for text in pending]
            pending = []
        if character == "{":
            scopes.append(opening)
            opening = None
        elif character == "}":
            scopes.pop()
    return links
