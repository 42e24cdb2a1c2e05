"""Models for something else than talk: resolved and routed like those for talk, and never taken for another."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    InvalidRequestError,
    NoCredentialsError,
    ProviderList,
    ProviderUnavailableError,
    UnknownModelError,
)
from inference_providers.calls.kinds import candidates_of_kind
from inference_providers.chat.vectors import TEXTS, parts, ranking_of, vectors_of
from inference_providers.registry.kinds import KINDS, kind_of, plain_name
from inference_providers.registry.registry import bundled
from tests.servers import PATIENCE, Connection, Received, Server

Serve = Callable[..., Server]
BUNDLED = bundled()


def rows_of(*servers: Server, models: dict[str, list[str]], **more: Any) -> dict[str, Any]:
    """A registry of providers `a`, `b`, ... at these servers, who serve these embedding models under these names."""
    ids = "abcdef"[: len(servers)]
    section = {
        model: {"at": {pid: {f"{pid}-{model}": [8192, None, 0.02]} for pid in at}, "dimensions": 2}
        for model, at in models.items()
    }
    return {
        "providers": {
            pid: {
                "name": pid.upper(),
                "connection": {"endpoint": server.url, "api_key": f"{pid.upper()}_KEY", "kinds": {"embeddings": {}}},
                "model_names": {"talk": f"{pid}-talk"},
            }
            for pid, server in zip(ids, servers, strict=True)
        },
        "kinds": {"embeddings": section},
        "kind_priority": {"embeddings": list(models)},
        **more,
    }


def environ(count: int) -> dict[str, str]:
    return {f"{pid}_KEY": f"key-of-{pid}-0123456789" for pid in "ABCDEF"[:count]}


def vectors(connection: Connection, request: Received) -> None:
    """One vector for each text: its length, in reversed order, as some servers answer."""
    texts = json.loads(request.body)["input"]
    rows = [{"object": "embedding", "index": place, "embedding": [len(text), 0.5]} for place, text in enumerate(texts)]
    connection.reply(200, {"object": "list", "data": rows[::-1], "usage": {"prompt_tokens": len(texts)}})


def broken(connection: Connection, request: Received) -> None:
    connection.reply(503, {"error": {"message": "overloaded"}})


def embed(how: str, registry: dict[str, Any], keys: dict[str, str], *args: Any, **options: Any) -> Any:
    if how == "sync":
        return ProviderList(json_override=registry, environ=keys, local=False).embed(*args, **options)
    made = AsyncProviderList(json_override=registry, environ=keys, local=False)
    return asyncio.run(made.embed(*args, **options))


both = pytest.mark.parametrize("how", ["sync", "async"])


@both
def test_texts_become_vectors_in_their_order(how: str, serve: Serve) -> None:
    server = serve(vectors)
    found = embed(how, rows_of(server, models={"m": ["a"]}), environ(1), ["one", "three", ""], dimensions=2)
    assert found == [[3, 0.5], [5, 0.5], [0, 0.5]]
    assert (found.provider, found.model, found.canonical_name, found.dimensions) == ("a", "a-m", "m", 2)
    assert found.usage.input_tokens == 3
    assert found.cost == pytest.approx(3 * 0.02 / 1e6)
    (request,) = server.requests
    assert request.path == "/v1/embeddings"
    assert json.loads(request.body) == {"model": "a-m", "input": ["one", "three", ""], "dimensions": 2}


@both
def test_many_texts_take_several_requests_of_one_model(how: str, serve: Serve) -> None:
    first, second = serve(vectors), serve(vectors)
    registry = rows_of(first, second, models={"m": ["a"], "other": ["b"]})
    texts = ["x" * (place % 7) for place in range(TEXTS * 3 + 1)]
    found = embed(how, registry, environ(2), texts, ["m", "other"])
    assert [vector[0] for vector in found] == [len(text) for text in texts]
    assert [len(json.loads(request.body)["input"]) for request in first.requests].count(TEXTS) == 3
    assert second.requests == []
    assert found.usage.input_tokens == len(texts)


def test_four_groups_are_on_their_way_at_once_with_asyncio(serve: Serve) -> None:
    together = threading.Barrier(4)

    def wait_for_others(connection: Connection, request: Received) -> None:
        if len(server.requests) > 1:  # the first group says which model it is
            together.wait(PATIENCE)
        vectors(connection, request)

    server = serve(wait_for_others)
    assert len(embed("async", rows_of(server, models={"m": ["a"]}), environ(1), ["x"] * TEXTS * 5)) == TEXTS * 5


@both
def test_the_most_inputs_of_a_request_are_the_providers(how: str, serve: Serve) -> None:
    server = serve(vectors)
    registry = rows_of(server, models={"m": ["a"]})
    registry["providers"]["a"]["connection"]["kinds"]["embeddings"] = {"inputs": 10}
    assert len(embed(how, registry, environ(1), ["x"] * 25, "m")) == 25
    assert sorted(len(json.loads(request.body)["input"]) for request in server.requests) == [5, 10, 10]


@both
def test_who_serves_the_same_model_is_a_fallback_and_nobody_else(how: str, serve: Serve) -> None:
    bad, same, other = serve(broken), serve(vectors), serve(vectors)
    registry = rows_of(bad, same, other, models={"m": ["a", "b"], "n": ["c"]})
    found = embed(how, registry, environ(3), "hi", "m")
    assert (found.provider, other.requests) == ("b", [])
    same.behaviour = broken
    with pytest.raises((AllProvidersFailedError, ProviderUnavailableError)):
        embed(how, registry, environ(3), "hi")
    assert other.requests == []


def test_without_a_model_the_first_of_the_list_that_a_key_reaches_is_taken(serve: Serve) -> None:
    server = serve(vectors)
    registry = rows_of(serve(vectors), server, models={"m": ["a"], "n": ["b"]})
    found = embed("sync", registry, {"B_KEY": "key-of-b-0123456789"}, "hi")
    assert (found.provider, found.canonical_name) == ("b", "n")


@both
def test_the_users_own_default_is_taken_for_vectors_and_for_nothing_else(how: str, serve: Serve) -> None:
    server = serve(vectors)
    registry = rows_of(server, models={"m": ["a"], "n": ["a"]})
    keys = {**environ(1), "INFERENCE_PROVIDERS_EMBEDDING_MODEL": "nosuch, n", "INFERENCE_PROVIDERS_MODEL": "talk"}
    assert embed(how, registry, keys, "hi").canonical_name == "n"
    assert embed(how, registry, keys, "hi", "m").canonical_name == "m"
    assert embed(how, registry, keys, "hi", "auto").canonical_name == "m"


@pytest.mark.parametrize("texts", [[], ()])
def test_no_text_is_no_request(texts: Any, serve: Serve) -> None:
    server = serve(vectors)
    found = embed("sync", rows_of(server, models={"m": ["a"]}), environ(1), texts)
    assert (found, found.dimensions, server.requests) == ([], 0, [])


@pytest.mark.parametrize("texts", [[1], [None], ["a", b"b"], [["a"]]])
def test_what_is_not_a_text_is_said_before_anything_is_sent(texts: Any, serve: Serve) -> None:
    server = serve(vectors)
    with pytest.raises(TypeError, match="a text is wanted"):
        embed("sync", rows_of(server, models={"m": ["a"]}), environ(1), texts)
    assert server.requests == []


BAD = [
    {"data": []}, {"data": [{"embedding": []}]}, {"data": [{"embedding": ["x"]}]}, {"data": [{"embedding": [1], "index": 7}]},
    {"data": [{"embedding": [1]}, {"embedding": [1, 2]}]}, {"data": [{"embedding": [1]}] * 3}, {"data": [{"embedding": [True]}]},
    {"data": {"embedding": [1]}}, {"data": [None]}, {"data": [{"embedding": [10**400]}]},
]  # fmt: skip


@pytest.mark.parametrize("reply", BAD)
def test_a_reply_without_the_vectors_is_no_answer(reply: Any, serve: Serve) -> None:
    server = serve(lambda connection, request: connection.reply(200, reply))
    with pytest.raises(ProviderUnavailableError, match=r"a: the reply (has no|does not have)"):
        embed("sync", rows_of(server, models={"m": ["a"]}), environ(1), ["a"], "m")


def test_a_reply_without_any_vector_leads_to_the_next(serve: Serve) -> None:
    empty, good = serve(lambda connection, request: connection.reply(200, {"data": []})), serve(vectors)
    assert embed("sync", rows_of(empty, good, models={"m": ["a", "b"]}), environ(2), "hi", "m").provider == "b"


def test_a_group_that_fails_ends_the_others(serve: Serve) -> None:
    def some(connection: Connection, request: Received) -> None:
        texts = json.loads(request.body)["input"]
        if texts[0] == "bad":
            connection.reply(400, {"error": {"message": "no such text"}})
        elif texts[0] == "slow":
            connection.hold()
        else:
            vectors(connection, request)

    server = serve(some)
    texts = [word for word in ("first", "bad", "slow", "slow") for _ in range(TEXTS)]

    async def ask() -> int:
        registry = rows_of(server, models={"m": ["a"]})
        made = AsyncProviderList(json_override=registry, environ=environ(1), local=False)
        with pytest.raises(InvalidRequestError):
            await made.embed(texts, "m")
        return len(asyncio.all_tasks())

    assert asyncio.run(ask()) == 1


@both
def test_vectors_of_one_call_are_of_one_length(how: str, serve: Serve) -> None:
    def longer(connection: Connection, request: Received) -> None:
        texts = json.loads(request.body)["input"]
        size = 2 if len(server.requests) == 1 else 3
        connection.reply(200, {"data": [{"embedding": [0.5] * size} for _ in texts]})

    server = serve(longer)
    with pytest.raises(ProviderUnavailableError, match=r"a: its vectors are not of 2 dimensions"):
        embed(how, rows_of(server, models={"m": ["a"]}), environ(1), ["x"] * (TEXTS + 1), "m")


@given(st.lists(st.text(max_size=300), max_size=50), st.integers(1, 20))
def test_groups_of_texts_lose_none(texts: list[str], most: int) -> None:
    groups = parts(texts, most)
    assert [text for group in groups for text in group] == texts
    assert all(1 <= len(group) <= most for group in groups)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers() | st.just(10**400),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["data", "results", "index", "embedding", "relevance_score"]), x)
        ),
    )
)
def test_no_reply_breaks_the_reading_of_it(reply: Any) -> None:
    data = reply if isinstance(reply, dict) else {"data": reply}
    for read in (lambda: vectors_of(data, 1), lambda: ranking_of(data, ["a"])):
        try:
            assert read()
        except ValueError:
            pass


# By name


NAMES = {
    "text-embedding-3-small": ("embeddings", "text-embedding-3-small", "openai", "text-embedding-3-small"),
    "Text-Embedding-3-Small": ("embeddings", "text-embedding-3-small", "openai", "text-embedding-3-small"),
    "openai/text-embedding-3-small": ("embeddings", "text-embedding-3-small", "openai", "text-embedding-3-small"),
    "openai:text-embedding-3-small": ("embeddings", "text-embedding-3-small", "openai", "text-embedding-3-small"),
    "BAAI/bge-m3": ("embeddings", "bge-m3", "novita", "baai/bge-m3"),
    "bge-m3": ("embeddings", "bge-m3", "novita", "baai/bge-m3"),
    "novita/bge-m3": ("embeddings", "bge-m3", "novita", "baai/bge-m3"),
    "whisper-large-v3": ("transcription", "whisper-large-v3", "groq", "whisper-large-v3"),
    "groq/whisper-large-v3": ("transcription", "whisper-large-v3", "groq", "whisper-large-v3"),
    "rerank-v3.5": ("rerank", "rerank-v3.5", "cohere", "rerank-v3.5"),
    "gpt-image-2": ("images", "gpt-image-2", "openai", "gpt-image-2"),
    "omni-moderation-latest": ("moderation", "omni-moderation-latest", "openai", "omni-moderation-latest"),
    "tts-1": ("speech", "tts-1", "openai", "tts-1"),
}  # fmt: skip


def everybody() -> dict[str, str]:
    return {
        provider.key_variables[0]: f"key-of-{provider.id}-0123456789"
        for provider in BUNDLED.providers.values()
        if provider.key_variables and provider.local is None and not provider.connection.get("opt_in")
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_name_means_a_model_of_its_kind(name: str) -> None:
    kind, canonical, provider, internal = NAMES[name]
    providers = ProviderList(environ=everybody(), local=False)
    first = candidates_of_kind(providers.pipeline.finder, [name], kind)[0]
    assert (first.canonical_name, first.provider, first.internal_name, first.api) == (
        canonical,
        provider,
        internal,
        kind,
    )
    resolution = providers.resolve(name)  # without a word on the kind
    assert resolution.canonical_name == canonical
    assert first in resolution.offers


def test_a_model_of_another_kind_is_not_asked_to_talk() -> None:
    providers = ProviderList(environ={"OPENAI_API_KEY": "key-0123456789"}, local=False)
    with pytest.raises(InvalidRequestError, match=r"by the API 'embeddings' only.*ProviderList\.embed"):
        providers.ask_ai("hi", "text-embedding-3-small")


def test_what_its_provider_serves_in_its_own_way_is_no_candidate_and_explained() -> None:
    explanation = ProviderList(environ=everybody(), local=False).explain("amazon.titan-embed-text-v2:0")
    assert [offer.usable for offer in explanation.offers] == [False]
    assert "another protocol" in str(explanation)


def test_who_has_no_key_is_told_what_to_set() -> None:
    nobody = ProviderList(environ={}, local=False)
    with pytest.raises(NoCredentialsError, match="OPENAI_API_KEY"):
        nobody.embed("hi")
    with pytest.raises(NoCredentialsError, match="COHERE_API_KEY"):
        nobody.rerank("q", ["a"], "rerank-v3.5")
    with pytest.raises(UnknownModelError):
        nobody.embed("hi", "no-such-model-at-all")


def test_a_provider_without_models_to_talk_to_is_not_asked_what_it_has(serve: Serve) -> None:
    server = serve(vectors)
    keys = {"VOYAGE_API_KEY": "key-0123456789", "VOYAGE_BASE_URL": server.url}
    providers = ProviderList(environ=keys, local=False)
    with pytest.raises(NoCredentialsError, match="voyage has no model to talk to"):
        providers.ask_ai("hi")
    assert server.requests == []
    assert providers.embed("hi").provider == "voyage"


def test_avoided_providers_get_no_text_either(serve: Serve) -> None:
    first, second = serve(vectors), serve(vectors)
    registry = rows_of(first, second, models={"m": ["a", "b"]})
    assert embed("sync", registry, environ(2), "hi", "m", avoid=["a"]).provider == "b"
    assert first.requests == []


# SDK clients


def test_an_sdk_client_without_a_model_gets_one_of_the_kind(serve: Serve) -> None:
    server = serve(lambda connection, request: connection.reply(200, REPLIES[request.path]))
    providers = ProviderList(environ={"OPENAI_API_KEY": "key-0123456789", "OPENAI_BASE_URL": server.url}, local=False)
    client = providers.client()
    client.moderations.create(input="hi")
    client.images.generate(prompt="a cat")
    client.embeddings.create(model="auto", input="hi")
    client.audio.speech.create(model="auto", voice="alloy", input="hi").read()
    client.audio.transcriptions.create(model="auto", file=("a.wav", b"RIFF"))
    named = [kind_of(_model(request)) for request in server.requests]
    assert named == ["moderation", "images", "embeddings", "speech", "transcription"]


def _model(request: Received) -> str:
    if request.body[:1] == b"{":
        return str(json.loads(request.body)["model"])
    return request.body.partition(b'name="model"\r\n\r\n')[2].partition(b"\r\n")[0].decode()


REPLIES: dict[str, Any] = {
    "/v1/moderations": {"id": "m", "model": "x", "results": []},
    "/v1/images/generations": {"created": 1, "data": [{"url": "https://x.example/a.png"}]},
    "/v1/embeddings": {
        "object": "list",
        "model": "x",
        "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}],
    },
    "/v1/audio/speech": b"ID3",
    "/v1/audio/transcriptions": {"text": "hi"},
}


@both
def test_an_sdk_client_falls_back_among_those_of_the_same_model(how: str, serve: Serve) -> None:
    bad, good, other = serve(broken), serve(lambda c, r: c.reply(200, REPLIES["/v1/embeddings"])), serve(vectors)
    registry = rows_of(bad, good, other, models={"m": ["a", "b"], "n": ["c"]})
    if how == "sync":
        client = ProviderList(json_override=registry, environ=environ(3), local=False).client()
        assert client.embeddings.create(model="m", input="hi").data[0].embedding == [1.0]
    else:

        async def ask() -> list[float]:
            made = AsyncProviderList(json_override=registry, environ=environ(3), local=False).async_client()
            return (await made.embeddings.create(model="m", input="hi")).data[0].embedding

        assert asyncio.run(ask()) == [1.0]
    assert json.loads(good.requests[0].body)["model"] == "b-m"
    assert other.requests == []


# Reranking


@both
@pytest.mark.parametrize("field", ["results", "data"])
def test_documents_are_ordered(how: str, field: str, serve: Serve) -> None:
    rows = [
        {"index": 0, "relevance_score": 0.1},
        {"index": 1, "relevance_score": 0.9},
        {"index": 9, "relevance_score": 1},
    ]
    server = serve(lambda connection, request: connection.reply(200, {field: rows}))
    registry = rows_of(server, models={})
    registry["providers"]["a"]["connection"]["kinds"] = {"rerank": {}}
    registry["kinds"] = {"rerank": {"r": {"at": {"a": {"a-r": []}}}}}
    options: Any = {"json_override": registry, "environ": environ(1), "local": False}
    if how == "sync":
        found = ProviderList(**options).rerank("best?", ["first", "second"], "r")
    else:
        found = asyncio.run(AsyncProviderList(**options).rerank("best?", ["first", "second"], "r"))
    assert [(one.index, one.score, one.document) for one in found] == [(1, 0.9, "second"), (0, 0.1, "first")]
    assert json.loads(server.requests[0].body) == {"model": "a-r", "query": "best?", "documents": ["first", "second"]}


# What runs here


def test_an_embedding_model_that_runs_here_is_found_by_name_and_without_one(serve: Serve) -> None:
    def ollama(connection: Connection, request: Received) -> None:
        if request.path == "/v1/models":
            models = [{"id": name, "owned_by": "library"} for name in ("qwen3:4b", "nomic-embed-text:latest")]
            connection.reply(200, {"object": "list", "data": models})
        elif request.path == "/v1/embeddings":
            vectors(connection, request)
        else:
            connection.reply(200, "Ollama is running")

    server = serve(ollama)
    providers = ProviderList(environ={"OLLAMA_HOST": server.url.removesuffix("/v1")})
    for name in (None, "nomic-embed-text", "ollama/nomic-embed-text"):
        assert providers.embed("hi", name).model == "nomic-embed-text:latest"


# The registry


def test_every_model_of_a_list_is_served_by_somebody_who_can_be_asked() -> None:
    for kind in KINDS:
        models = BUNDLED.kinds[kind]
        for name in BUNDLED.kind_priority(kind):
            at = models.rows[name]["at"]
            assert any(not models.facts(name, pid, own).other_protocol for pid in at for own in at[pid]), (kind, name)


def test_a_name_belongs_to_one_model_and_none_to_talk_to() -> None:
    for kind in KINDS:
        for canonical, row in BUNDLED.kinds[kind].rows.items():
            assert canonical not in BUNDLED.canonical_names
            assert plain_name(canonical) == canonical
            for pid, names in row["at"].items():
                assert pid in BUNDLED.providers
                for name in names:
                    assert BUNDLED.kinds[kind].canonical(name) == canonical, (kind, pid, name)


@given(st.text())
def test_no_name_breaks_the_telling_of_kinds(name: str) -> None:
    assert kind_of(name) in (None, *KINDS)
    assert plain_name(plain_name(name)) == plain_name(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("text-embedding-3-small", "embeddings"), ("BAAI/bge-m3", "embeddings"), ("nomic-embed-text:v1.5", "embeddings"),
        ("intfloat/multilingual-e5-large", "embeddings"), ("mxbai-embed-large", "embeddings"), ("all-minilm:l6-v2", "embeddings"),
        ("bge-reranker-v2-m3", "rerank"), ("cohere/rerank-v3.5", "rerank"), ("dall-e-3", "images"), ("gpt-image-1", "images"),
        ("black-forest-labs/FLUX.1-schnell", "images"), ("whisper-large-v3-turbo", "transcription"), ("gpt-4o-transcribe", "transcription"),
        ("gpt-4o-mini-tts", "speech"), ("kokoro", "speech"), ("omni-moderation-latest", "moderation"),
        ("gpt-4o", None), ("llama-3.3-70b", None), ("qwen3-coder", None), ("gemma3:27b", None), ("command-a", None),
    ],
)  # fmt: skip
def test_a_name_tells_its_kind(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind
