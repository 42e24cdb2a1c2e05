"""SDKs: openai for Python and for Node, LangChain, and the AI SDK. What they are told to do is in `programs`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clients.conftest import PROGRAMS, Way, node_program, python_program
from tests.clients.provider import TEXT, WORDS

PYTHON, NODE = "python", "node"
SDKS: dict[str, Callable[[], list[str]]] = {
    "openai-python": lambda: [*python_program(PYTHON), str(PROGRAMS / "openai_python.py")],
    "openai-node": lambda: [*node_program(), str(PROGRAMS / "openai_node.mjs")],
    "langchain-openai": lambda: [*python_program(PYTHON), str(PROGRAMS / "langchain_openai_chat.py")],
    "ai-sdk": lambda: [*node_program(), str(PROGRAMS / "ai_sdk.mjs")],
}
# It repeats by the status alone, whatever the headers say; docs/programs.md says how to have it ask once.
OWN_MIND = {"ai-sdk"}


@pytest.fixture(params=list(SDKS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sdk(name: str) -> list[str]:
    """The command of one of them."""
    return SDKS[name]()


def test_chat(sdk: list[str], way: Way) -> None:
    said = way.play(sdk, "script:text")
    assert said == {"text": TEXT, "pieces": [], "calls": [], "usage": 12, "error": None}
    assert len(way.tap.chats) == len(way.provider.chats) == 1


@pytest.mark.parametrize("script", ["script:text", "script:slow"])
def test_stream(sdk: list[str], way: Way, script: str) -> None:
    said = way.play(sdk, script, stream=True)
    pieces = [piece for piece in said["pieces"] if piece]
    assert "".join(pieces) == said["text"] == TEXT
    assert len(pieces) == 5
    assert (said["usage"], said["error"]) == (12, None)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "calls", "text"),
    [
        ("script:tool", [["add", {"a": 2, "b": 3}]], "The tool says 5."),
        ("script:parallel", [["add", {"a": 2, "b": 3}], ["add", {"a": 40, "b": 2}]], "The tool says 5 and 42."),
    ],
)
def test_tools(sdk: list[str], way: Way, script: str, calls: list[object], text: str, stream: bool) -> None:
    said = way.play(sdk, script, stream=stream)
    assert (said["calls"], said["text"], said["error"]) == (calls, text, None)
    assert len(way.tap.chats) == len(way.provider.chats) == 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 429])
def test_refusal(name: str, sdk: list[str], way: Way, status: int, stream: bool) -> None:
    """Status, words and code arrive, and what the gateway has tried is not asked of it again."""
    said = way.play(sdk, f"script:refused-{status}", stream=stream, **({"RETRIES": "0"} if name in OWN_MIND else {}))
    words, _, _, code = WORDS[status]
    assert (said["error"]["status"], said["error"]["code"]) == (status, code)
    assert words in said["error"]["message"]
    assert said["text"] == ""
    if way.is_gateway or status == 400:
        assert len(way.tap.chats) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_broken_provider(name: str, sdk: list[str], way: Way, stream: bool) -> None:
    """A provider that is out of order, and nobody else to ask."""
    said = way.play(sdk, "script:refused-500", stream=stream, **({"RETRIES": "0"} if name in OWN_MIND else {}))
    assert said["error"]["status"] in ((500, 502, 503) if way.is_gateway else (500,))
    assert WORDS[500][0] in said["error"]["message"]
    if way.is_gateway:
        assert len(way.tap.chats) == 1


def test_refused_key_of_the_provider(name: str, sdk: list[str], way: Way) -> None:
    """That the provider refuses the gateway's key is not told as if the program's token were wrong."""
    said = way.play(sdk, "script:refused-401", **({"RETRIES": "0"} if name in OWN_MIND else {}))
    assert said["error"]["status"] == (503 if way.is_gateway else 401)
    assert WORDS[401][0] in said["error"]["message"]
    if way.is_gateway:
        assert len(way.tap.chats) == 1


def test_stream_that_breaks_off(sdk: list[str], way: Way) -> None:
    """The program has what came until then, and an error: half an answer is never taken for a whole one."""
    said = way.play(sdk, "script:cut", stream=True)
    assert [piece for piece in said["pieces"] if piece] == ["Grüße ", "from the "]
    assert said["error"] is not None
    assert len(way.tap.chats) == 1


@pytest.mark.parametrize("sdk", ["openai-python", "openai-node"])
def test_models(sdk: str, way: Way) -> None:
    said = way.play(SDKS[sdk](), "models")
    assert (said["error"], bool(said["text"])) == (None, True)
    if way.is_gateway:
        assert way.model in said["text"].split()
        way.play(SDKS[sdk](), "script:text")  # else the provider has seen nothing to look at
