"""How many tokens a request may take, and what it may cost, before it is sent: at most, and as expected. Pure.

Nobody's tokenizer is here: text is counted by its letters. At most, two letters are a token, a digit or a sign is one
by itself, as some tokenizers have it, and of other alphabets it is a byte and a half.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.registry import Facts

_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")  # by which requests limit their answers
_TALKING = ("/chat/completions", "/completions", "/responses")
_READING = ("/embeddings",)  # what answers in numbers is charged for what it reads
OUTPUT = 32_768  # tokens of an answer where nothing says how long it may be
USUAL_OUTPUT = 400  # tokens of a usual answer
_IMAGE, _TOOLS, _TURN, _REQUEST = 6000, 700, 8, 32  # tokens of a picture, and of what nobody wrote
_SEARCHES = 5  # searches of the web for one answer
_AUDIO, _FILE = 300, 8  # characters of base64 for each token of sound, and of a document
_LETTERS, _ASCII = re.compile(r"[A-Za-z\s]+"), re.compile(r"[\x00-\x7f]+")
_DEEP = 64  # levels of a body
_KEPT_BEFORE = ("previous_response_id", "conversation")  # what the provider has kept, and reads again
_KEPT_FILES = ("file_id", "file_url")  # documents that the provider has, or fetches


class Size:
    """Tokens of a request. at_most, likely: of its input. output: the limit that it names for its answers, if any.

    inputs: how many texts are read one by one. elsewhere: more is read than is in the request, and nobody here knows
    how much.
    """

    __slots__ = ("answers", "at_most", "elsewhere", "inputs", "likely", "output", "searches")

    def __init__(self, body: Mapping[str, Any]) -> None:
        count = _Count()
        for name in ("messages", "input", "prompt", "instructions", "tools", "functions", "response_format", "text"):
            if name in body:
                count.walk(body[name])
        extra = _REQUEST + (_TOOLS if body.get("tools") or body.get("functions") else 0)
        turns = body.get("messages") or body.get("input")
        extra += _TURN * len(turns) if isinstance(turns, list) else 0
        self.at_most = int((count.plain + count.signs) / 2 + count.bytes / 1.5 + count.tokens) + extra
        self.likely = int(count.plain / 4 + count.other * 0.8 + count.tokens / 4) + extra // 4
        limits = [limit for name in _LIMITS if isinstance(limit := body.get(name), int) and limit > 0]
        self.output = max(limits) if limits else None
        self.inputs = max(_texts(body.get("prompt")), _texts(body.get("input")))
        self.answers = _texts(body.get("prompt")) * max(_positive(body.get("n")), _positive(body.get("best_of")))
        self.elsewhere = count.elsewhere or any(body.get(name) for name in _KEPT_BEFORE)
        self.elsewhere = self.elsewhere or isinstance(body.get("prompt"), dict)  # one that the provider keeps
        self.searches = _SEARCHES if count.searches or "web_search_options" in body else 0

    def likely_output(self, usual: int = USUAL_OUTPUT) -> int:
        """Tokens of its answers, as expected."""
        return self.answers * min(self.output or usual, usual)

    def most_output(self, facts: Facts) -> int:
        """Tokens that its answers may have at an offer."""
        limit = self.output or facts.output_limit or facts.context_window or OUTPUT
        return self.answers * min(limit, facts.output_limit or limit)


def _positive(given: Any) -> int:
    return given if isinstance(given, int) and given > 0 else 1


def _texts(given: Any) -> int:
    """How many texts, or lists of tokens, are given: each is read, and answered, by itself."""
    return len(given) if isinstance(given, list) and given and isinstance(given[0], str | list) else 1


class _Count:
    """Letters of a body, wherever they are in it."""

    __slots__ = ("bytes", "elsewhere", "other", "plain", "searches", "signs", "tokens")

    def __init__(self) -> None:
        # ASCII, what is neither a letter nor a space among it, and what is not ASCII, in letters and in bytes.
        self.plain = self.signs = self.other = self.bytes = 0
        self.tokens = 0.0  # of what is not text
        self.searches = self.elsewhere = False

    def walk(self, value: Any, depth: int = 0) -> None:
        if isinstance(value, str):
            self._text(value)
        elif isinstance(value, int | float):
            self.plain += 8
        elif depth > _DEEP:
            self._text(str(value))
        elif isinstance(value, dict):
            kind = value.get("type")
            if kind in ("image_url", "input_image", "image"):
                self.tokens += _IMAGE
                return
            self.searches = self.searches or (isinstance(kind, str) and kind.startswith("web_search"))
            for name, own in value.items():
                self.plain += len(str(name)) + 2
                self.elsewhere = self.elsewhere or (name in _KEPT_FILES and isinstance(own, str))
                if name == "data" and isinstance(own, str) and kind in (None, "input_audio"):
                    self.tokens += len(own) / _AUDIO
                elif name == "file_data" and isinstance(own, str):
                    self.tokens += len(own) / _FILE
                else:
                    self.walk(own, depth + 1)
        elif isinstance(value, list | tuple):
            for own in value:
                self.walk(own, depth + 1)

    def _text(self, text: str) -> None:
        rest = _LETTERS.sub("", text)
        other = 0 if rest.isascii() else len(_ASCII.sub("", rest))
        self.plain += len(text) - other
        self.signs += len(rest) - other
        self.other += other
        if other:
            self.bytes += len(rest.encode("utf-8", "replace")) - (len(rest) - other)


def most_cost(path: str, body: Mapping[str, Any], facts: Facts, size: Size) -> float | None:
    """USD that a request may cost at an offer's prices; None where that is not known.

    path: of the API. The dearest of what may be meant counts: of its tiers, and of reading and of writing a cache.
    """
    is_reading = path.startswith(_READING)
    if not (is_reading or path in _TALKING):
        return None  # by the picture, the minute, the page
    if facts.input_price is None or (facts.output_price is None and not is_reading):
        return None
    written = 0 if is_reading else size.most_output(facts)
    read, window = size.at_most, facts.context_window
    if window is not None:
        read = window if size.elsewhere else min(read, window * size.inputs)
    elif size.elsewhere:
        return None
    if not facts.more:
        return (read * facts.input_price + written * (facts.output_price or 0.0)) / 1e6
    prices, service = facts.prices, body.get("service_tier")
    rates = [prices.usual, *(rate for limit, rate in prices.tiers if read > limit)]
    rates += [prices.at(read, service=service)] if isinstance(service, str) else []
    if "audio" in (body.get("modalities") or ()):
        rates.append(prices.audio)
    price_in = max(price or 0.0 for rate in rates for price in (rate.input, rate.cache_write))
    price_in = max(price_in, prices.cache_write_hour or 0.0)
    price_out = max(prices.reasoning or 0.0, *(rate.output or 0.0 for rate in rates))
    fees = (prices.request or 0.0) + size.searches * (prices.search or 0.0)
    return (read * price_in + written * price_out) / 1e6 + fees


def likely_cost(facts: Facts, size: Size, *, cached: int = 0, usual: int = USUAL_OUTPUT) -> float | None:
    """USD that a request is expected to cost at an offer's prices; None where they are not known.

    cached: tokens of its input that the provider still has from an earlier request. usual: tokens of a usual answer.
    """
    if facts.input_price is None or facts.output_price is None:
        return None
    rate = facts.prices.at(size.likely) if facts.more else None
    price_in, price_out, price_cached = (
        (facts.input_price, facts.output_price, facts.cached_input_price)
        if rate is None
        else (rate.input or 0.0, rate.output or 0.0, rate.cached_input)
    )
    cached = 0 if price_cached is None else min(cached, size.likely)
    read = (size.likely - cached) * price_in + cached * (price_cached or 0.0)
    fee = (facts.prices.request or 0.0) if facts.more else 0.0
    return (read + size.likely_output(usual) * price_out) / 1e6 + fee
