"""Whether two questions say the same: rules and vectors, measured on pairs of questions. `python -m benchmarks.similar`.

No cache of the package takes similar questions; docs/decisions/0030-similar-questions.md says why, with these numbers.

A question comes down to its *form*: what is asked without how one asks for it. `How do I mute a chat?`, `please tell me
how to mute a chat` and `I want to mute a chat, how?` have one form. All else stays, in its order: each number, name,
negation, flag, article and word. Vectors are those of `wordllama`, where it is installed with numpy and tokenizers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import blind_pairs, question_pairs
from benchmarks.common import print_table

THRESHOLD = 0.85  # of the cosine of two questions, for both together
SEEDS = (1, 2)  # of the pairs that others wrote
Row = tuple[bool, str, str, str]  # whether the answer is the same, the kind, both questions

_SPACE = re.compile(r" +")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'"})
# Text that brings something along (a quotation, code, a list) is taken as it is.
_PLAIN = re.compile(r"[\w ,.?!%&/()+*°-]*(?:\w'\w[\w ,.?!%&/()+*°-]*)*")
# What stands before or behind a question and is no part of it.
_GREETING = re.compile(r"^(?:(?:hi|hello|hey)(?: there| everyone| all)?[,!.]|(?:a )?quick question:|question:) +", re.I)
_FAREWELL = re.compile(
    r"(?<=[.?!]) *(?:please|thanks(?: a lot| in advance)?|thank you(?: very much| in advance)?)[.! ]*$", re.I
)
_SHORT = tuple(
    (re.compile(rf"\b{short}\b", re.I), long)
    for short, long in (
        (r"(what|who|where|how|when|why|that|there|here)'s", r"\1 is"), (r"i'd like", "I would like"), (r"i'm", "I am"),
        (r"can't", "can not"), (r"cannot", "can not"), (r"won't", "will not"),
        (r"(do|does|did|is|are|was|were|has|have|had|could|should|would|must|need)n't", r"\1 not"),
    )
)  # fmt: skip
_ASKS = "(?:please )?(?:(?:can|could|would|will) you )?(?:please )?"
_TELL = "(?:tell|show|teach|explain to) (?:me|us)"
_CORE = "(?P<core>.+)"
# How people ask for a way to do something; what they want to do is what is left.
_HOW = tuple(
    re.compile(f"^{pattern}$", re.I)
    for pattern in (
        f"how (?:do|can|would) i {_CORE}",
        f"how does one {_CORE}",
        f"how to {_CORE}",
        f"{_ASKS}(?:{_TELL}|explain) how to {_CORE}",
        f"{_ASKS}{_TELL} how i can {_CORE}",
        f"what is the (?:best |right |correct |proper )?way to {_CORE}",
        f"is there a (?:good |simple )?way to {_CORE}",
        "i (?:want|need|would like) to (?P<core>[^.?!]+?)"
        "(?:, how(?: (?:do|can) i(?: do (?:that|this|it))?)?|[.!] how (?:do|can) i do (?:that|this|it))",
    )
)
# Verbs that ask how somebody is, and not for a way: `how do I look` is not `how to look`.
_STATES = frozenset((
    "affect", "age", "appear", "be", "become", "come", "compare", "cost", "differ", "do", "end", "fare", "feel",
    "fit", "get", "go", "hate", "have", "influence", "know", "like", "look", "love", "mean", "need", "owe", "own",
    "rank", "rate", "react", "relate", "score", "see", "seem", "sleep", "smell", "sound", "stand", "taste", "think",
    "want", "weigh",
))  # fmt: skip
# Words that make of a question for a way one for a reason: `how do I lose so much hair`.
_REASON = re.compile(r"\b(?:so|such|always|never|still|already|ever|keep)\b", re.I)
# Words with which sentences begin, whose capital says nothing.
_FIRST = frozenset((
    "a", "an", "and", "are", "can", "could", "did", "do", "does", "explain", "for", "from", "give", "has", "have",
    "how", "in", "is", "list", "name", "on", "please", "say", "should", "show", "tell", "the", "there", "translate",
    "was", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "without",
    "would", "write",
))  # fmt: skip
_QUESTION = re.compile(
    r"^(?:how|what|when|where|which|who|whom|whose|why|is|are|was|were|do|does|did|can|could|should|would|will|has|have"
    r"|may|must|am) ",
    re.I,
)
# A place at the beginning, which may as well stand at the end, where it can belong to one verb only.
_PLACE = re.compile(r"^(?P<where>(?:in|on|at) [^,.?!]{1,60}), (?P<rest>.+)$", re.I)
_SEVERAL = re.compile(r"\b(?:to|that|who|which|and|or|if|when|while|because|as|than|with|not)\b|[,.?!]", re.I)
_LONGEST = 2000  # characters of a question that is looked at: in longer ones, hardly any two are the same


def form_of(text: str) -> str | None:
    """The form of a question; None for one that is too long to have any."""
    if len(text) > _LONGEST:
        return None
    spaced = _SPACE.sub(" ", text.translate(_APOSTROPHES)).strip()
    bare = _FAREWELL.sub("", _GREETING.sub("", spaced)).strip()
    if not _PLAIN.fullmatch(bare):
        return f"as it is: {text}"
    for short, long in _SHORT:
        bare = short.sub(long, bare)
    said = _unended(_uncapital(bare))
    core = _way(said)
    if core is None and (moved := _PLACE.match(said)) is not None:
        core = _way(_uncapital(moved["rest"]))
        where = moved["where"]
        core = None if core is None or _SEVERAL.search(core) else f"{core} {where[0].lower()}{where[1:]}"
    if core is not None:
        return f"how to: {core}"
    if _QUESTION.match(said):
        return said
    return f"as it is: {text}"


def _way(text: str) -> str | None:
    """What somebody wants to do who asks for a way to do it; None for another question."""
    for how in _HOW:
        if (found := how.match(text)) is not None:
            first, _, rest = found["core"].partition(" ")
            is_way = rest and first.islower() and first not in _STATES and not _REASON.search(found["core"])
            return found["core"] if is_way else None
    return None


def _uncapital(text: str) -> str:
    """A sentence whose first word says with its capital only that it is the first."""
    first, blank, rest = text.partition(" ")
    is_first = first.lower() in _FIRST and first in (first.lower(), first.capitalize())  # WHO is an organisation
    return f"{first.lower()}{blank}{rest}" if blank and is_first else text


def _unended(text: str) -> str:
    """A sentence without what ends it: a point, a question mark."""
    bare = text.rstrip(" ")
    if bare[-1:] in (".", "?") and bare[-2:-1] not in (".", "?"):
        return bare[:-1].rstrip(" ")
    return bare


@cache
def _model() -> tuple[Any, Any]:
    """(tokenizer, vectors of its tokens). The package is not imported: it would look for files on the network."""
    numpy, tokenizers = import_module("numpy"), import_module("tokenizers")
    found = find_spec("wordllama")
    assert found is not None and found.submodule_search_locations is not None
    folder = Path(next(iter(found.submodule_search_locations)))
    words = (folder / "tokenizers" / "l2_supercat_tokenizer_config.json").read_text("utf-8")
    weights = (folder / "weights" / "l2_supercat_256.safetensors").read_bytes()
    size = int.from_bytes(weights[:8], "little")
    row = json.loads(weights[8 : 8 + size])["embedding.weight"]
    table = numpy.frombuffer(weights, numpy.float16, offset=8 + size).reshape(row["shape"])
    return tokenizers.Tokenizer.from_str(words), table


@cache
def _vector(text: str) -> Any:
    """The vector of a text, of length 1: the mean of its tokens'."""
    tokenizer, table = _model()
    mean = table[tokenizer.encode(text, add_special_tokens=False).ids].mean(0, dtype="float32")
    return mean / (mean @ mean) ** 0.5


def agrees(one: str, other: str) -> bool:
    """Whether two questions have one form."""
    form = form_of(one)
    return form is not None and form == form_of(other)


def near(one: str, other: str, threshold: float) -> bool:
    """Whether the cosine of two questions' vectors is so large."""
    return bool(_vector(one) @ _vector(other) >= threshold)


def ways() -> dict[str, Callable[[str, str], bool]]:
    """What may count as a hit, by its name; vectors only where they are installed."""
    found: dict[str, Callable[[str, str], bool]] = {"agreement alone": agrees}
    if all(map(find_spec, ("wordllama", "numpy", "tokenizers"))):
        for threshold in (0.8, THRESHOLD, 0.9, 0.95):
            found[f"vectors alone, from {threshold}"] = lambda one, other, least=threshold: near(one, other, least)
        found["both"] = lambda one, other: agrees(one, other) and near(one, other, THRESHOLD)
    return found


def sets() -> dict[str, list[Row]]:
    """The pairs, by what they are called."""
    own = question_pairs.pairs()
    found: dict[str, list[Row]] = {
        f"ours, {split}": [(bool(label), kind, one, two) for part, label, kind, one, two in own if part == split]
        for split in (question_pairs.TUNED, question_pairs.HELD_OUT)
    }
    for seed in SEEDS:
        rows = [(label == "same", kind, one, two) for one, two, label, kind in blind_pairs.pairs(seed)]
        found[f"blind, seed {seed}"] = rows
    return found


def measure(name: str, rows: list[Row]) -> list[tuple[str, ...]]:
    """Hits and false hits on a set of pairs, for each way."""
    same, different = [row for row in rows if row[0]], [row for row in rows if not row[0]]
    found = []
    for way, hits in ways().items():
        right, wrong = (sum(hits(one, two) for _, _, one, two in some) for some in (same, different))
        share = f"{right / len(same):.1%} of {len(same):,}"
        found.append((name, way, share, f"{wrong} of {len(different):,} ({wrong / len(different):.1%})"))
    return found


def main() -> None:
    """Measure, and print."""
    rows = [row for name, pairs in sets().items() for row in measure(name, pairs)]
    print_table(("pairs", "what counts", "paraphrases that hit", "false hits"), rows)


if __name__ == "__main__":
    main()
