"""Forms: what is passed on has no parts but those that the gateway has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers.gateway.callers import Caller
from inference_providers.gateway.forms import names
from inference_providers.gateway.refused import Refused
from tests.conftest import registry_of
from tests.gateway.in_process import asked
from tests.servers import Connection, Received, Server

MODEL, DEAR, PATH = "gpt-4o-mini", "a-dear-one", "/v1/audio/transcriptions"
KIND = "multipart/form-data; boundary=B"


def part(name: str, text: str, boundary: str = "B", more: str = "") -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}\r\n'


CHEAP, SOUND, END = part("model", MODEL), part("file", "sound", more='; filename="a.wav"'), "--B--\r\n"
AMBIGUOUS = {
    "another boundary than it says": (part("model", MODEL, "A") + "--A--\r\n" + part("model", DEAR) + END, KIND),
    "a longer boundary": (part("model", MODEL, "BB") + "--BB--\r\n" + part("model", DEAR) + END, KIND),
    "two models": (CHEAP + part("model", DEAR) + END, KIND),
    "a model in another case": (CHEAP + part("Model", DEAR) + END, KIND),
    "lines that end otherwise": (CHEAP + SOUND + part("model", DEAR).replace("\r\n", "\n") + END, KIND),
    "a boundary after a line feed": (CHEAP + part("file", f"x\n{part('model', DEAR)}") + END, KIND),
    "two names": (CHEAP + part("x", DEAR, more='; name="model"') + END, KIND),
    "a name in another form": (CHEAP + part("x", DEAR, more="; name*=utf-8''model") + END, KIND),
    "a name with an escape": (CHEAP + part('mo\\"del', DEAR) + END, KIND),
    "two heads": (CHEAP + part("x", DEAR).replace("\r\n\r\n", '\r\nContent-Disposition: form-data; name="model"\r\n\r\n') + END, KIND),
    "a folded head": (CHEAP + part("x", DEAR).replace("; name", ";\r\n name") + END, KIND),
    "something behind its end": (CHEAP + SOUND + END + part("model", DEAR) + END, KIND),
    "no end": (CHEAP + SOUND, KIND),
    "no boundary": (CHEAP + SOUND + END, "multipart/form-data"),
    "two boundaries": (CHEAP + SOUND + END, "multipart/form-data; boundary=A; boundary=B"),
    "an address": (CHEAP + part("api_base", "https://other.example") + END, KIND),
    "further models": (CHEAP + part("fallbacks", DEAR) + END, KIND),
}  # fmt: skip


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_a_form_that_others_may_read_otherwise_is_refused(serve: Callable[..., Server], what: str) -> None:
    form, kind = AMBIGUOUS[what]
    server = serve()

    async def work() -> None:
        bound = Caller("bound", "bound", (MODEL,))
        async with asked(registry_of(server.url, model=MODEL), bound) as ask:
            status, said = await ask("bound", "POST", PATH, form.encode(), kind)
            assert (status, said["error"]["code"] in ("invalid_form", "foreign_field")) == (400, True), said

    asyncio.run(work())
    assert server.requests == []


@pytest.mark.parametrize("kind", ["text/plain; multipart/form-data; boundary=B", "x-multipart/form-data; boundary=B"])
def test_what_is_not_called_a_form_is_not_read_as_one(serve: Callable[..., Server], kind: str) -> None:
    server = serve()

    async def work() -> None:
        async with asked(registry_of(server.url, model=MODEL), Caller("bound", "bound", (MODEL,))) as ask:
            status, said = await ask("bound", "POST", PATH, (CHEAP + SOUND + END).encode(), kind)
            assert 400 <= status < 500, said

    asyncio.run(work())
    assert server.requests == []


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        (CHEAP + SOUND + END, KIND),
        (CHEAP + SOUND + "--B--", 'Multipart/Form-Data; boundary="B"'),
        (CHEAP + SOUND + END + "\r\n", KIND),
        (CHEAP.replace('"model"', "model") + part("timestamp_granularities[]", "word") * 2 + END, KIND),
        (CHEAP + part("file", "", more='; filename="a \\"b\\".wav"; filename*=utf-8a.wav') + END, KIND),
        (CHEAP + SOUND.replace("\r\n\r\n", "\r\nContent-Type: audio/wav\r\n\r\n") + END, KIND),
    ],
)
def test_forms_as_programs_write_them_go_on(serve: Callable[..., Server], form: str, kind: str) -> None:
    def heard(connection: Connection, request: Received) -> None:
        connection.reply(200, {"text": "hi"})

    server = serve(heard)

    async def work() -> None:
        async with asked(registry_of(server.url, model=MODEL), Caller("bound", "bound", (MODEL,))) as ask:
            assert await ask("bound", "POST", PATH, form.encode(), kind) == (200, {"text": "hi"})

    asyncio.run(work())
    assert server.requests[0].body == form.replace(MODEL, f"{MODEL}-internal").encode()


PIECES = st.sampled_from([
    "--B", "--BB", "--", "\r\n", "\n", "\r", "\r\n\r\n", "Content-Disposition: form-data", '; name="model"', '; name="x"', "; name=y",
    '; filename="f"', "content-disposition: form-data; name=z", ":", ";", '"', "\\", "text", "--B--", "--B\r\n", " ", "\t", CHEAP, SOUND, END,
])  # fmt: skip


@given(st.lists(PIECES, max_size=12))
@settings(max_examples=600, database=None)
def test_another_reader_finds_the_same_parts(pieces: list[str]) -> None:
    form = ("".join(pieces)).encode()
    try:
        found = names(form, KIND)
    except Refused:
        return
    message: Any = message_from_bytes(b"Content-Type: multipart/form-data; boundary=B\r\n\r\n" + form)
    assert [one.get_param("name", header="content-disposition") for one in message.get_payload()] == found
