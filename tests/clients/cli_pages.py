"""Reads the examples of the AWS CLI's package: each command with the files it says it reads and what is printed for it."""

import json
import pathlib
import re
import shlex
import textwrap
from dataclasses import dataclass, field

import awscli

EXAMPLES = pathlib.Path(awscli.__file__).parent / "examples"


@dataclass
class Example:
    """One command of a page. Several on one page are numbered: `create-thing/2`."""

    name: str
    command: str
    output: str | None = None
    files: dict = field(default_factory=dict)

    @property
    def words(self):
        """What a shell makes of the command, `aws` left out. Inner quotes are mended where the page forgot to escape them."""
        text = re.sub(r"\\\s*\n\s*", " ", self.command)
        text = re.sub(r'"(\{"[^\\]*?\})"(?=\s|$)', r"'\1'", text)
        return shlex.split(text)[1:]

    @property
    def printed(self):
        """What is printed, as JSON; `None` where the command prints nothing. Pages break texts over lines, hence not strict."""
        return None if self.output is None else json.loads(self.output, strict=False)


def blocks(text):
    """The literal blocks of a page, each with the line that leads to it."""
    lead, body = "", []
    for line in [*text.splitlines(), "end"]:
        if lead and (not line.strip() or line[:1] in " \t"):
            body.append(line)
            continue
        if lead:
            yield lead, textwrap.dedent("\n".join(body)).strip()
        lead, body = (line, []) if line.rstrip().endswith("::") else ("", [])


def of_page(page, text):
    """The examples of one page."""
    found = []
    for lead, body in blocks(text):
        named = re.search(r"``([\w.-]+\.(?:json|txt))``", lead)
        if body.startswith("aws "):
            found.append(Example(page, body))
        elif found and named and named[1] != "output.txt":
            found[-1].files[named[1]] = body
        elif found and found[-1].output is None and body[:1] in "{[":
            found[-1].output = body
    if len(found) > 1:
        for number, example in enumerate(found, 1):
            example.name = f"{page}/{number}"
    return found


def read(mends):
    """Every example of every service of AWS IoT, by name, with the pages' slips mended. A page of a service other than `iot` is
    named `SERVICE:PAGE`. A mend that finds nothing to mend is an error: the page has changed."""
    found, used = {}, set()
    for folder in sorted(EXAMPLES.glob("iot*")):
        for path in sorted(folder.glob("*.rst")):
            page = path.stem if folder.name == "iot" else f"{folder.name}:{path.stem}"
            text = path.read_text()
            for at, mend in enumerate(mends):
                if page in mend.get("pages", [page]) and mend["from"] in text:
                    text = text.replace(mend["from"], mend["to"])
                    used.update((at, named) for named in mend.get("pages", [None]) if named in (page, None))
            found.update((example.name, example) for example in of_page(page, text))
    for at, mend in enumerate(mends):
        left = [page for page in mend.get("pages", [None]) if (at, page) not in used]
        assert not left, f"`{mend['from']}` is no longer on {left}"
    return found
