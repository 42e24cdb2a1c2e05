"""No form in which a server may echo a key shows it."""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import sys
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import TruncatedStreamError
from inference_providers.credentials.redaction import MARK, scrub, scrub_bytes, scrub_events, scrub_json, scrub_pieces
from inference_providers.text import jsontext
from tests.conftest import list_of
from tests.servers import Connection, Received, Server, delta

KEYS = [
    "sk-proj-Ab3/dE5+gH7_jK9-mN1pQ3rS5tU7vW9",
    "gsk_0123456789abcdefghijklmnopqrstuv",
    "a1b2c3d4e5f60718a1b2c3d4e5f60718",
]


def percented(key: str) -> str:
    return "".join(f"%{ord(char):02X}" for char in key)


FORMS = {
    "as it is": lambda key: key,
    "upper case": str.upper,
    "lower case": str.lower,
    "with escaped slashes": lambda key: key.replace("/", "\\/"),
    "with unicode escapes": lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    "with one unicode escape": lambda key: f"\\u{ord(key[0]):04x}{key[1:]}",
    "as JSON in JSON": lambda key: json.dumps(json.dumps(f"\\u{ord(key[0]):04X}{key[1:]}")),
    "with JavaScript's escapes": lambda key: "".join(f"\\u{{{ord(char):x}}}" for char in key),
    "with hexadecimal escapes": lambda key: "".join(f"\\x{ord(char):02x}" for char in key),
    "in a URL": lambda key: quote(key, safe=""),
    "in a URL, every character": percented,
    "in a URL in a URL": lambda key: quote(percented(key), safe=""),
    "in HTML": html.escape,
    "in HTML, by numbers": lambda key: "".join(f"&#{ord(char)};" for char in key),
    "in HTML, by hexadecimal numbers": lambda key: "".join(f"&#x{ord(char):X};" for char in key),
    "in HTML in HTML": lambda key: html.escape("".join(f"&#x{ord(char):x};" for char in key)),
    "in HTML, its slashes": lambda key: key.replace("/", "&sol;").replace("+", "&plus;").replace("_", "&lowbar;"),
    "in base64": lambda key: base64.b64encode(key.encode()).decode(),
    "in base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
    "in base64 behind a word": lambda key: base64.b64encode(b"Bearer " + key.encode()).decode(),
    "in base64 behind a letter": lambda key: base64.b64encode(b"x" + key.encode() + b"yz").decode(),
    "in base64 with JSON's escapes": lambda key: base64.b64encode(key.encode()).decode().replace("/", "\\/"),
    "in base64, in lines": lambda key: re.sub("(.{19})", "\\1\n", base64.b64encode(key.encode()).decode()),
    "in hex": lambda key: key.encode().hex(),
    "in upper hex": lambda key: key.encode().hex().upper(),
    "in hex, set apart": lambda key: key.encode().hex(":"),
    "its characters set apart": lambda key: " ".join(key),
    "its characters on lines of their own, as JSON": lambda key: json.dumps("\n".join(key))[1:-1],
    "its characters between tabulators, as JSON": lambda key: json.dumps("\t".join(key))[1:-1],
    "in base64, in lines, as JSON": lambda key: json.dumps(
        re.sub("(.{19})", "\\1\r\n", base64.b64encode(key.encode()).decode())
    )[1:-1],
    "cut short": lambda key: key[:14] + "...",
    "masked in its middle": lambda key: key[:10] + "*" * 12 + key[-4:],
    "its middle alone": lambda key: key[5:25],
    "its end alone": lambda key: key[-16:],
}


def tells(text: str, key: str) -> str:
    """What a text, read in whatever way a person could, tells of a key: the longest part of it that it holds."""
    seen = {text}
    for _ in range(4):
        for one in list(seen):
            seen |= {
                html.unescape(one),
                re.sub(r"\\+[abfnrtv0]", " ", one),
                re.sub(r"\\+/", "/", one),
                re.sub(r"[^0-9A-Za-z]", "", one),
            }
            seen.add(re.sub(r"%([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), one))
            seen.add(
                re.sub(r"\\+(?:u\{?0*([0-9A-Fa-f]{2})\}?|x([0-9A-Fa-f]{2}))", lambda m: chr(int(m[1] or m[2], 16)), one)
            )
    for one in list(seen):
        for word in re.findall(r"[0-9A-Za-z+/_=-]{8,}", one):
            for shift in range(4):
                part = word[shift:].replace("-", "+").replace("_", "/").rstrip("=")
                part = part[: len(part) // 4 * 4]
                seen.add(base64.b64decode(part).decode("latin-1"))
            digits = re.sub(r"[^0-9A-Fa-f]", "", word)
            seen.add(bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("latin-1"))
    longest = ""
    for wanted in (key.lower(), re.sub(r"[^0-9a-z]", "", key.lower())):
        for one in map(str.lower, seen):
            for begin in range(len(wanted)):
                while wanted[begin : begin + len(longest) + 1] in one and begin + len(longest) < len(wanted):
                    longest = wanted[begin : begin + len(longest) + 1]
    return longest


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", FORMS)
def test_no_echo_shows_a_key(form: str, key: str) -> None:
    echoed = FORMS[form](key)
    text = f'{{"error": {{"message": "Incorrect API key provided: {echoed}. You can find yours at https://x.example/keys", "code": 401}}}}'
    clean = scrub(text, [key])
    assert MARK in clean
    assert len(tells(clean, key)) < 12, clean
    assert clean.startswith('{"error": {"message": "Incorrect API key provided: ')
    assert scrub_bytes(text.encode(), [key]).decode() == clean


@given(st.sampled_from(KEYS), st.lists(st.sampled_from(sorted(FORMS)), min_size=1, max_size=3), st.text(max_size=20))
def test_a_key_in_several_forms_within_any_text_is_taken_out(key: str, forms: list[str], around: str) -> None:
    text = around + " ".join(f"<{FORMS[form](key)}>" for form in forms) + around
    assert len(tells(scrub(text, [key]), key)) < 12


@given(st.text())
def test_a_text_without_the_key_stays_as_it_is(text: str) -> None:
    assert scrub(text, [*KEYS, None, "", "abc", "not-needed"]) == text


def test_ordinary_words_of_servers_stay() -> None:
    text = (
        "Error code: 400 - {'error': {'message': \"Unsupported parameter: 'max_tokens'\\/ use 100% of it &amp; more\"}}"
    )
    assert scrub(text, KEYS) == text


def test_short_keys_are_taken_out_whole() -> None:
    assert scrub("bad token: vllm-key! VLLM_KEY is set", ["vllm-key"]) == f"bad token: {MARK}! VLLM_KEY is set"


@given(st.sampled_from(KEYS[:2]), st.lists(st.integers(1, 38), max_size=8), st.text(max_size=9), st.text(max_size=9))
def test_a_key_in_pieces_is_taken_out_of_all_of_them(key: str, cuts: list[int], before: str, behind: str) -> None:
    text = f"{before} {key} {behind}"
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]
    clean = scrub_pieces(pieces, [key])
    assert len(clean) == len(pieces)
    assert "".join(clean) == f"{before} {MARK} {behind}"


def test_a_key_over_the_events_of_a_stream_cannot_be_put_together() -> None:
    key = KEYS[0]
    pieces = [key[:5], key[5:11], key[11:20], key[20:]]
    events = [{"choices": [{"delta": {"content": piece}}]} for piece in ["The key: ", *pieces, " !"]]
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events) + b"data: [DONE]\n\n"
    clean = scrub_events(body, [key])
    texts = [
        json.loads(line[5:])["choices"][0]["delta"]["content"] for line in clean.split(b"\n") if b"choices" in line
    ]
    assert "".join(texts) == f"The key: {MARK} !"
    assert clean.endswith(b"data: [DONE]\n\n")
    assert scrub_events(b'{"a": 1}', [key]) == b'{"a": 1}'


def test_json_is_clean_in_names_and_values_at_any_depth() -> None:
    key = KEYS[0]
    deep: object = key
    for _ in range(300):
        deep = [deep]
    clean = scrub_json({key: [{"x": f"see {key}"}, 1, None, True], "deep": deep}, [key])
    assert clean[MARK] == [{"x": f"see {MARK}"}, 1, None, True]
    assert key not in str(clean)


def test_an_error_of_what_is_no_json_does_not_hold_the_text(serve: Callable[..., Server]) -> None:
    """Not even as its context, which is kept where it is not shown: the parser's own error holds the whole document."""

    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("Once"))
        connection.event(f"<html>{request.key}</html>")
        connection.end_stream()

    made = list_of(serve(behave).url)
    with pytest.raises(TruncatedStreamError) as caught:
        list(made.stream("hi"))
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary" not in f"{error!r} {vars(error)}"
        error = error.__cause__ or error.__context__
    for text in (f'{{"a": {KEYS[0]}', f'"{KEYS[0]}'.encode() + b"\xff", " " * 2_000_000 + KEYS[0]):
        with pytest.raises(ValueError) as unread:
            jsontext.loads(text)
        assert not hasattr(unread.value, "doc") and not hasattr(unread.value, "object")
        assert unread.value.__context__ is None


@pytest.mark.parametrize(
    "unit",
    [
        "\\\\",
        KEYS[0][:8],
        KEYS[0][:12],
        base64.b64encode(KEYS[0].encode()).decode()[:20],
        KEYS[0].encode().hex()[:26],
        "%",
        "&amp;",
        "\u0130",
        "%25",
    ],
)
def test_no_text_takes_longer_than_its_length(unit: str) -> None:
    """Counted in calls of what looks into the text, and in the steps of the pattern for escapes."""
    counts = []
    for size in (4_000, 8_000, 16_000):
        text = unit * (size // len(unit))
        steps = [0]

        def count(frame: object, event: str, argument: object, steps: list[int] = steps) -> None:
            steps[0] += 1

        sys.setprofile(count)
        try:
            scrub(text, KEYS)
        finally:
            sys.setprofile(None)
        counts.append(steps[0])
    assert counts[2] <= 2.5 * counts[1] + 2_000, counts


def test_a_letter_that_becomes_two_hides_nothing() -> None:
    assert scrub("\u0130 wrong key sk-proj-Ab3****", KEYS) == f"\u0130 wrong key {MARK}"
