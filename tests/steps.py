"""Counts instead of clocks: how many steps a regular expression takes, and how many characters a reader looks at.

`steps` runs a pattern as Python's engine does, going back where it would, and counts every look at a character
and every choice. `Counted` is a text that counts what its methods look at.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ClassVar

from re import _constants as c  # type: ignore[attr-defined]  # isort: skip
from re import _parser  # type: ignore[attr-defined]  # isort: skip

Then = Callable[[int], bool]
MOST = 600_000  # steps
DOTALL, IGNORECASE, MULTILINE = int(re.DOTALL), int(re.IGNORECASE), int(re.MULTILINE)  # quicker than as an enum
_REPEATS = (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT)


@contextmanager
def deeply(frames: int = 20_000) -> Iterator[None]:
    """Let the engine call itself as often as it needs to, and nobody else: the limit holds for the whole program."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Endless(Exception):
    """More steps than anybody wants to wait for."""


class Engine:
    """One pattern, run on one text."""

    def __init__(self, pattern: str | bytes, text: str | bytes, flags: int = 0) -> None:
        self.items, self.flags = _tree(pattern, flags)
        self.known: dict[tuple[int, str], bool] = {}
        self.text = text.decode("latin-1") if isinstance(text, bytes) else text
        self.count = 0
        self.groups: dict[int, str] = {}

    @deeply()
    def search(self, *, anchored: bool = False) -> int:
        """Steps to find every match, or to try one at the beginning."""
        start = 0
        while start <= len(self.text):
            ends: list[int] = []
            if self.run(self.items, 0, start, lambda at, ends=ends: bool(ends.append(at) or True)):  # type: ignore[misc]
                start = max(start + 1, ends[0])
            else:
                start += 1
            if anchored:
                break
        return self.count

    def run(self, items: list[Any], index: int, at: int, then: Then) -> bool:
        if index == len(items):
            return then(at)
        op, given = items[index]
        self.count += 1
        if self.count > MOST:
            raise Endless

        def rest(place: int) -> bool:
            return self.run(items, index + 1, place, then)

        if op in (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN):
            return at < len(self.text) and self.fits(op, given, self.text[at]) and rest(at + 1)
        if op is c.AT:
            return self.at(given, at) and rest(at)
        if op is c.BRANCH:
            return any(self.run(branch, 0, at, rest) for branch in given[1])
        if op is c.SUBPATTERN:
            group, _, _, inner = given

            def close(place: int) -> bool:
                if group:
                    self.groups[group] = self.text[at:place]
                return rest(place)

            return self.run(inner, 0, at, close)
        if op in (c.ASSERT, c.ASSERT_NOT):
            return self.looks(op, given, at) and rest(at)
        if op is c.GROUPREF:
            told = self.groups.get(given, "")
            return self.text.startswith(told, at) and rest(at + len(told))
        if op is c.ATOMIC_GROUP:
            return self.alone(given, at, rest)
        assert op in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT), op
        return self.repeat(op, given, at, rest)

    def looks(self, op: Any, given: Any, at: int) -> bool:
        direction, low, inner = given
        found = at - low >= 0 if direction < 0 else True
        found = found and self.run(inner, 0, at - low if direction < 0 else at, lambda place: True)
        return found == (op is c.ASSERT)

    def alone(self, items: list[Any], at: int, rest: Then) -> bool:
        ends: list[int] = []
        return self.run(items, 0, at, lambda place: bool(ends.append(place) or True)) and rest(ends[0])  # type: ignore[func-returns-value]

    def repeat(self, op: Any, given: Any, at: int, rest: Then) -> bool:
        low, high, items = given
        if len(items) == 1 and items[0][0] in (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN):
            ends = self.run_of(items[0], low, high, at, op)
        elif op is c.POSSESSIVE_REPEAT:
            return self.possessive(items, low, high, at, rest)
        else:
            return self.more(op is c.MAX_REPEAT, items, low, high, at, rest, 0)
        return any(rest(end) for end in ends)

    def run_of(self, item: Any, low: int, high: int, at: int, op: Any) -> Iterator[int]:
        """Where a run of one kind of character may end, in the order in which the engine tries."""
        length = 0
        if op is c.MIN_REPEAT:
            while True:
                if length >= low:
                    yield at + length
                self.count += 1
                if length == high or at + length >= len(self.text) or not self.fits(*item, self.text[at + length]):
                    return
                length += 1
        while length < high and at + length < len(self.text) and self.fits(*item, self.text[at + length]):
            self.count += 1
            length += 1
        if length >= low:
            yield from [at + length] if op is c.POSSESSIVE_REPEAT else range(at + length, at + low - 1, -1)

    def possessive(self, items: list[Any], low: int, high: int, at: int, rest: Then) -> bool:
        done = 0
        while done < high:
            ends: list[int] = []
            if not self.run(items, 0, at, lambda place, ends=ends: bool(ends.append(place) or True)) or ends[0] == at:  # type: ignore[misc]
                break
            at, done = ends[0], done + 1
        return done >= low and rest(at)

    def more(self, greedy: bool, items: list[Any], low: int, high: int, at: int, rest: Then, done: int) -> bool:
        def again(place: int) -> bool:
            return (place > at or done < low) and self.more(greedy, items, low, high, place, rest, done + 1)

        self.count += 1
        if done < low:
            return self.run(items, 0, at, again)
        if greedy:
            return (done < high and self.run(items, 0, at, again)) or rest(at)
        return rest(at) or (done < high and self.run(items, 0, at, again))

    def at(self, given: Any, at: int) -> bool:
        text = self.text
        if given in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
            return at == 0 or (bool(self.flags & MULTILINE) and given is c.AT_BEGINNING and text[at - 1] == "\n")
        if given is c.AT_END_STRING:
            return at == len(text)
        if given is c.AT_END:
            line = bool(self.flags & MULTILINE) and text[at : at + 1] == "\n"
            return at == len(text) or (at == len(text) - 1 and text[at] == "\n") or line
        before, after = at > 0 and _is_word(text[at - 1]), at < len(text) and _is_word(text[at])
        return (before != after) == (given is c.AT_BOUNDARY)

    def fits(self, op: Any, given: Any, letter: str) -> bool:
        if op is c.ANY:
            return letter != "\n" or bool(self.flags & DOTALL)
        if op is c.LITERAL and not self.flags & IGNORECASE:
            return bool(ord(letter) == given)
        if op is not c.IN:
            return self._fits(op, given, letter)
        known = id(given), letter
        if known not in self.known:
            self.known[known] = self._fits(op, given, letter)
        return self.known[known]

    def _fits(self, op: Any, given: Any, letter: str) -> bool:
        letters = {letter, letter.swapcase()} if self.flags & IGNORECASE else {letter}
        if op is c.LITERAL:
            return chr(given) in letters
        if op is c.NOT_LITERAL:
            return chr(given) not in letters
        negated = given[0][0] is c.NEGATE
        found = any(_in_set(part, one) for part in given for one in letters)
        return found != negated


@lru_cache(maxsize=64)
def _tree(pattern: str | bytes, flags: int) -> tuple[list[Any], int]:
    """What a pattern is made of, in plain lists, and its flags."""
    tree = _parser.parse(pattern, flags)
    return _plain(tree), int(tree.state.flags)


def _plain(items: Any) -> list[Any]:
    return [(op, _parts(op, given)) for op, given in items]


def _parts(op: Any, given: Any) -> Any:
    if op is c.BRANCH:
        return given[0], [_plain(branch) for branch in given[1]]
    if op is c.SUBPATTERN:
        return (*given[:3], _plain(given[3]))
    if op in (c.ASSERT, c.ASSERT_NOT):
        return given[0], given[1].getwidth()[0], _plain(given[1])
    if op is c.ATOMIC_GROUP:
        return _plain(given)
    if op in _REPEATS:
        return given[0], sys.maxsize if given[1] is c.MAXREPEAT else given[1], _plain(given[2])
    return given


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _in_set(part: Any, letter: str) -> bool:
    op, given = part
    if op is c.LITERAL:
        return chr(given) == letter
    if op is c.RANGE:
        return given[0] <= ord(letter) <= given[1]
    if op is c.CATEGORY:
        kind = str(given).rpartition("_")[2]
        found = {"DIGIT": letter.isdigit(), "WORD": _is_word(letter), "SPACE": letter.isspace()}[kind]
        return found != ("NOT" in str(given))
    return False


def example(items: list[Any]) -> str:
    """A short text that a pattern's items match, as far as that is plain."""
    return "".join(_example(*item) for item in items)


def _example(op: Any, given: Any) -> str:
    if op is c.LITERAL:
        return chr(given)
    if op in (c.NOT_LITERAL, c.ANY, c.IN):
        return _letters(op, given)[0]
    if op is c.BRANCH:
        return example(list(given[1][0]))
    if op is c.SUBPATTERN:
        return example(list(given[3]))
    if op in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
        return example(list(given[2])) * min(max(given[0], 1), 8)
    return example(list(given)) if op is c.ATOMIC_GROUP else ""


def _examples(items: list[Any]) -> list[str]:
    """A short text for each choice that a pattern's items begin with."""
    if len(items) == 1 and items[0][0] is c.SUBPATTERN:
        return _examples(list(items[0][1][3]))
    if len(items) == 1 and items[0][0] is c.BRANCH:
        return [text for branch in items[0][1][1] for text in _examples(list(branch))]
    return [example(items)]


def _letters(op: Any, given: Any) -> list[str]:
    """Some characters that one place of a pattern takes."""
    usual = ["a", "0", " ", "-", "x"]
    if op is c.LITERAL:
        return [chr(given)]
    if op is c.NOT_LITERAL:
        return [letter for letter in usual if letter != chr(given)]
    if op is c.IN:
        own = [chr(part if kind is c.LITERAL else part[0]) for kind, part in given if kind in (c.LITERAL, c.RANGE)]
        engine = Engine("", "")
        return [letter for letter in [*own, *usual, "\n"] if engine.fits(op, given, letter)] or ["\x01"]
    return usual


FEW = 16  # a repeat of no more than that multiplies the steps by no more than that


def attacks(pattern: str | bytes, flags: int = 0) -> Iterator[Callable[[int], str]]:
    """Texts, of any length, that would make the engine go back the most: a beginning that fits, a run, an end that does not."""
    seen: set[tuple[str, str]] = set()
    for before, given in _runs(list(_parser.parse(pattern, flags)), ""):
        inner = list(given[2])
        one = inner[0] if len(inner) == 1 and inner[0][0] in (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN) else None
        for run in [*(_letters(*one)[:2] if one else []), *_examples(inner)]:
            for start, unit in ((before, run), ("", before + run)):
                if unit and (start, unit) not in seen:
                    seen.add((start, unit))
                    yield lambda size, start=start, unit=unit: start + unit * (1 + size // len(unit)) + "\x01"  # type: ignore[misc]


def _runs(items: list[Any], before: str) -> Iterator[tuple[str, Any]]:
    """The repeats in a pattern that have no small limit, with a text that leads to each."""
    for op, given in items:
        if op in _REPEATS and (given[1] is c.MAXREPEAT or given[1] > FEW):
            yield before, given
        if op is c.BRANCH:
            for branch in given[1]:
                yield from _runs(list(branch), before)
        elif op is c.SUBPATTERN:
            yield from _runs(list(given[3]), before)
        elif op in _REPEATS:
            yield from _runs(list(given[2]), before)
        before += _example(op, given)


class Counted(str):
    """A text that counts how many characters its methods look at; what is cut out of it counts as well."""

    looked: ClassVar = [0]

    @staticmethod
    def _note(count: int) -> None:
        Counted.looked[0] += max(1, count)

    def find(self, word: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        stop = len(self) if end is None else min(end, len(self))
        found = str.find(self, word, start, stop)
        self._note((found + len(word) if found >= 0 else stop) - start)
        return found

    def rfind(self, word: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        stop = len(self) if end is None else min(end, len(self))
        found = str.rfind(self, word, start, stop)
        self._note(stop - (found if found >= 0 else start))
        return found

    def __getitem__(self, key: Any) -> Counted:
        made = Counted(str.__getitem__(self, key))
        self._note(len(made))
        return made

    def startswith(self, word: Any, *place: Any) -> bool:  # type: ignore[override]
        self._note(1)
        return str.startswith(self, word, *place)

    def translate(self, table: Any) -> Counted:
        return self._same(str.translate(self, table))

    def strip(self, *letters: Any) -> Counted:
        return self._same(str.strip(self, *letters))

    def lstrip(self, *letters: Any) -> Counted:
        return self._same(str.lstrip(self, *letters))

    def rstrip(self, *letters: Any) -> Counted:
        return self._same(str.rstrip(self, *letters))

    def __contains__(self, word: Any) -> bool:
        return self.find(word) >= 0

    def partition(self, word: str) -> Any:
        return self._parts(str.partition(self, word))

    def rpartition(self, word: str) -> Any:
        return self._parts(str.rpartition(self, word))

    def removeprefix(self, word: str) -> Counted:
        return self._same(str.removeprefix(self, word))

    def removesuffix(self, word: str) -> Counted:
        return self._same(str.removesuffix(self, word))

    def replace(self, *given: Any) -> Counted:
        return self._same(str.replace(self, *given))

    def split(self, *given: Any) -> Any:  # type: ignore[override]
        self._note(len(self))
        return [Counted(part) for part in str.split(self, *given)]

    def _same(self, text: str) -> Counted:
        self._note(len(self))
        return Counted(text)

    def _parts(self, parts: tuple[str, str, str]) -> tuple[Counted, ...]:
        self._note(len(self))
        return tuple(map(Counted, parts))


def looks(read: Callable[[Any], Any], text: str) -> int:
    """How many characters a reader looks at."""
    Counted.looked[0] = 0
    read(Counted(text))
    return Counted.looked[0]


def grows_faster(counts: list[int]) -> bool:
    """Whether counts for n, 2n and 4n grow faster than n does: the second growth would be four times the first, not twice."""
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    return second > 3 * max(first, 1) and second > 200
