"""Compares what a page prints with what the gateway answers: which members there are, of which types, with which values.

A page's identifiers stand for those of this gateway. `names` says which: the first time that one occurs, it is taken to stand
for what was answered in its place; from then on it has to be the same."""

import json
import re

# What is made up anew each time, and its form here.
MADE_UP = {
    "certificate": (r"\b[0-9a-f]{16,}(?:EXAMPLE[0-9a-zA-Z]+)?[0-9a-f]{16,}\b", r"[0-9a-f]{64}"),
    "uuid": (r"\b[0-9a-zA-Z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-zA-Z]{12}\b", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "moment": (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", r"\d{4}-\d\d-\d\dT[\d:.]+Z"),
    "suffix": (r"(?<=DataDomain/)\w{5}\b", r"\w{5}"),
    "receiver": (r"https://example\.com\b", r"https://example\.com"),
    "token": (r"\bAYADe[\w-]{200,}", r".+"),
}
TOKEN = re.compile("|".join(f"(?P<{kind}>{page})" for kind, (page, _) in MADE_UP.items()))
# Members that tell a time: their values are not compared, their types are.
MOMENT = re.compile(r"(date|at|timestamp|notbefore|notafter|expiration)$", re.IGNORECASE)
PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----")


def compare(printed, answered, names, place="", unordered=False):
    """Where the two differ: a list of places, such as `things[].version`, each with what is different there."""
    if isinstance(printed, dict) and isinstance(answered, dict):
        found = []
        for key in printed.keys() - answered.keys():
            found.append((f"{place}{key}", "is not answered"))
        for key in answered.keys() - printed.keys():
            found.append((f"{place}{key}", f"is not on the page: {answered[key]!r}"))
        for key in printed.keys() & answered.keys():
            found += member(key, printed[key], answered[key], names, f"{place}{key}", unordered)
        return found
    if isinstance(printed, list) and isinstance(answered, list):
        return sequence(printed, answered, names, place, unordered)
    if isinstance(printed, str) and isinstance(answered, str):
        return text(printed, answered, names, place)
    if type(printed) is not type(answered) or printed != answered:
        return [(place, f"is {answered!r}, not {printed!r}")]
    return []


def member(key, printed, answered, names, place, unordered):
    """Compares two values of one name."""
    if MOMENT.search(key) and isinstance(printed, (int, float)):
        moment = isinstance(answered, (int, float)) and not isinstance(answered, bool) and answered > 0
        return [] if moment else [(place, f"is {answered!r}, not a time")]
    inner = f"{place}." if isinstance(printed, dict) else place
    return compare(printed, answered, names, inner, unordered)


def sequence(printed, answered, names, place, unordered):
    """Compares two lists, element by element; with `unordered` each element with the one that is most like it."""
    found = []
    if len(printed) != len(answered):
        found.append((place, f"has {len(answered)} elements, not {len(printed)}: {answered}"))
    left = list(answered)
    for element in printed[: len(answered)]:
        inner = f"{place}[]." if isinstance(element, dict) else f"{place}[]"
        tried = []
        for at, candidate in enumerate(left if unordered else left[:1]):
            assumed = dict(names)
            tried.append((compare(element, candidate, assumed, inner), at, assumed))
        differences, at, assumed = min(tried, key=lambda one: (len(one[0]), one[1]))
        names.update(assumed)
        found += differences
        del left[at]
    return found


def text(printed, answered, names, place):
    """Compares two texts: documents by what they say, keys and certificates by their kind, others to the letter."""
    if PEM.search(printed):
        same = PEM.findall(printed) == PEM.findall(answered)
        return [] if same else [(place, f"is {PEM.findall(answered) or answered!r}, not {PEM.findall(printed)}")]
    if printed.startswith("{") and answered.startswith("{"):
        try:
            return compare(json.loads(printed, strict=False), json.loads(answered), names, f"{place}.")
        except ValueError:
            pass
    pattern, at, met = "", 0, []
    for token in TOKEN.finditer(printed):
        known = names.get(token[0])
        form = MADE_UP[token.lastgroup][1]
        pattern += re.escape(printed[at:token.start()]) + (re.escape(known) if known else f"({form})")
        met += [] if known else [token[0]]
        at = token.end()
    fits = re.fullmatch(pattern + re.escape(printed[at:]), answered)
    if not fits:
        return [(place, f"is {answered!r}, not {printed!r}")]
    names.update(zip(met, fits.groups()))
    return []
