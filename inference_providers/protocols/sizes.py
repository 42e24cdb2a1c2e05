"""How many tokens a server allows, and how many it was sent, as it says of a prompt that is too long. Pure.

Loaded with the first such refusal.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.protocols.error_body import ErrorDetails

_N = r"[`'(\"]{0,2}(\d[\d,_]{0,11}\d|\d)(?![\d.,_]*\d|[kKmM%])"
_L = _N + r"(?!\)$)"
_SUM = rf"{_N} ?\+ ?{_N} ?(?:tokens )?(?:>|exceeds)"
_SAID = r"(?: allowed| limit)?(?: is| of| to| at|:| =|,)?(?: only)?"
_LIMITS = (
    rf"(?:>|<=|≤)=? ?{_N}",
    rf"\[ ?\d{{1,3}}, ?{_N}",
    rf"{_N} (?:tokens? )?(?:maximum|max\b|context (?:length|window))",
    rf"(?:\bmax(?:imum)?|context|allowed|configured|available|tokens?|window) (?:[a-z']{{1,12}} ){{0,3}}?"
    rf"(?:length|limit|window|size|len){_SAID} {_L}",
    rf"(?:less than|up to|at most|limited to|limits? (?:is|of|for this model is)|max size:|maximum of|below) {_N}",
    rf"(?:\bmax(?:imum)?|allowed) (?:[a-z']{{1,12}} ){{0,3}}?(?:tokens|allowed){_SAID} {_L}",
    rf"tokens? in the prompt cannot exceed {_N}",
    rf"exceeds? (?:the |its )?(?:(?:limit|max(?:imum)?),? (?:of |is )?)?{_L}",
    rf"n_ctx:? ?{_N}",
    rf"(?:maximum|context) (?:[a-z']{{1,12}} ){{0,2}}?(?:length|size) {_N}",
)
_SENT = (
    rf"resulted in {_N}",
    rf"(?:tokens requested|n_keep:?) {_N}",
    rf"request(?:ed)?:? (?:a total of |up to |about )?{_N} (?:input |total )?tokens",
    rf"\(requested:? {_N}",
    rf"(?:token count|input tokens|prompt tokens|length|size|tokens|input|request|prompt|maximum output tokens):?"
    rf" (?:of |is )?{_N}",
    rf"(?:resulted in|contains?|consists of|has|have|passed|received|got|given:?|about|sent|first|too long:|actual:?)"
    rf" {_N}",
    rf"{_N} tokens? >",
)
_PARTS = rf"(?:given: {_N} `inputs` tokens and {_N}|too (?:large|long): {_N}.{{0,120}}(?:has|have) {_N} input)"


def sizes_of(words: ErrorDetails) -> tuple[int | None, int | None]:
    """(limit, requested), in tokens; None for what is not said."""
    text = words.text.partition("\n")[0] if words.message else words.text
    limit, requested = words.sizes.get("limit"), words.sizes.get("requested")
    if limit is None:
        limit = next(filter(None, (_number(pattern, text) for pattern in _LIMITS)), None)
    if requested is None:
        requested = _sum(_SUM, text) or _sum(_PARTS, text)
    if requested is None:
        found = [number for pattern in _SENT for number in _numbers(pattern, text)]
        requested = next((number for number in found if limit is None or number > limit), None)
    return limit, requested


def _number(pattern: str, text: str) -> int | None:
    return next(iter(_numbers(pattern, text)), None)


def _numbers(pattern: str, text: str) -> list[int]:
    return [_int(match[1]) for match in re.finditer(pattern, text, re.IGNORECASE)]


def _sum(pattern: str, text: str) -> int | None:
    match = re.search(pattern, text, re.IGNORECASE)
    return sum(_int(part) for part in match.groups() if part) if match else None


def _int(text: str) -> int:
    return int(text.replace(",", "").replace("_", ""))
