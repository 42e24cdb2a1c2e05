"""The pytest plug-in, in processes of its own; and cassettes: recorded from real servers, played back without keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inference_providers import AsyncProviderList, ProviderList, ask_ai
from inference_providers.testing import stand_in
from inference_providers.testing.cassette import RECORD, REPLAY, Cassette, CassetteError
from tests.conftest import keys
from tests.servers import Server, answer, completion, delta, refused_port, status

pytest_plugins = ["pytester"]
Serve = Callable[..., Server]
KEY, OTHER = list(keys(2).values())


@pytest.fixture
def openai_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], Server]:
    """Let OpenAI be this server."""

    def point(server: Server) -> Server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
        return server

    return point


@pytest.fixture
def tape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Put a cassette in place of the network: to record on, or to replay."""
    path = tmp_path / "tapes" / "tape.json"

    def use(mode: str) -> Path:
        if mode == REPLAY:
            monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        monkeypatch.setattr(stand_in, "active", Cassette(path, mode))
        return path

    return use


def run(pytester: pytest.Pytester, *arguments: str, **outcomes: int) -> pytest.RunResult:
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *arguments)
    done.assert_outcomes(**outcomes)
    return done


# The plug-in


def test_a_users_tests_are_answered_by_their_mocks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        program="""
        from inference_providers import ask_ai, ProviderList
        def advice(): return ask_ai("Should I?", "gpt-4")
        def listed(): return ProviderList().ask_ai("Should I?", "gpt-4")
        """,
        test_program="""
        import program, pytest
        from inference_providers import InferenceProvidersError
        from inference_providers.testing import stand_in

        def test_mine(inference_providers):
            inference_providers.mock({"gpt-4": "It depends."})
            assert program.advice() == program.listed() == "It depends."
            assert inference_providers.requests[0]["messages"][-1]["content"] == "Should I?"

        def test_another(inference_providers):
            inference_providers.mock({"gpt-4": "Yes."})
            assert program.advice() == "Yes."
            assert len(inference_providers.requests) == 1

        def test_nothing_is_answered_until_it_is_said(inference_providers):
            with pytest.raises(InferenceProvidersError):
                program.advice()

        def test_the_fixture_is_gone_where_nobody_asked_for_it():
            assert stand_in.active is None
        """,
    )
    run(pytester, passed=4)


def test_asynchronous_programs_streams_and_sdk_clients_are_mocked_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio
        from inference_providers import AsyncProviderList, ProviderList, stream

        def test_mine(inference_providers):
            inference_providers.mock({"gpt-4": "one two"})
            assert list(stream("?", "gpt-4")) == ["one", " two"]
            assert asyncio.run(AsyncProviderList().ask_ai("?", "gpt-4")) == "one two"
            client, name = ProviderList().connect_to_model("gpt-4")
            assert ProviderList().get_response(client, name, "?") == "one two"
            client.close()
        """
    )
    run(pytester, passed=1)


def test_the_plugin_imports_nothing_until_its_fixture_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        def test_light():
            heavy = {"inference_providers.clients.provider_list", "inference_providers.testing.mock", "openai", "aiohttp", "rich"}
            assert not heavy & set(sys.modules)
        """
    )
    run(pytester, passed=1)


RECORDED = """
    from inference_providers import ask_ai
    def test_mine(inference_providers):
        inference_providers.cassette()
        assert ask_ai("What is it?", "gpt-4") == "hello"
"""


def test_a_cassette_is_recorded_once_and_played_back_without_key_or_server(
    pytester: pytest.Pytester, serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = openai_at(serve())
    pytester.makepyfile(RECORDED)
    run(pytester, passed=1)
    (tape,) = (pytester.path / "cassettes").iterdir()
    assert "canary" not in tape.read_text()
    server.close()
    monkeypatch.delenv("OPENAI_API_KEY")
    run(pytester, passed=1)
    run(pytester, "--inference-record=none", passed=1)
    assert len(server.asked) == 1


def test_everything_is_recorded_anew_on_request(pytester: pytest.Pytester, serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    pytester.makepyfile(RECORDED)
    run(pytester, passed=1)
    run(pytester, "--inference-record=all", passed=1)
    assert len(server.asked) == 2


def test_with_none_what_was_never_recorded_fails_and_says_what_to_do(
    pytester: pytest.Pytester, serve: Serve, openai_at: Any
) -> None:
    server = openai_at(serve())
    pytester.makepyfile(RECORDED)
    done = run(pytester, "--inference-record=none", failed=1)
    done.stdout.fnmatch_lines(["*CassetteError: *record it anew*"])
    assert server.requests == []


def test_a_changed_question_fails_and_says_what_to_do(pytester: pytest.Pytester, serve: Serve, openai_at: Any) -> None:
    openai_at(serve())
    pytester.makepyfile(RECORDED)
    run(pytester, passed=1)
    pytester.makepyfile(RECORDED.replace("What is it?", "What is that?"))
    done = run(pytester, failed=1)
    done.stdout.fnmatch_lines(["*holds no answer to this POST *chat/completions*--inference-record=all*"])


def test_tests_of_one_name_have_a_cassette_each(pytester: pytest.Pytester, serve: Serve, openai_at: Any) -> None:
    def echo(connection: Any, request: Any) -> None:
        connection.reply(200, completion(request.json["messages"][-1]["content"]))

    openai_at(serve(echo))
    body = """
    import pytest
    from inference_providers import ask_ai
    @pytest.mark.parametrize("word", ["a/b", "../c"])
    def test_mine(inference_providers, word):
        inference_providers.cassette()
        assert ask_ai("{0}" + word, "gpt-4") == "{0}" + word
    class TestIt:
        def test_mine(self, inference_providers):
            inference_providers.cassette()
            assert ask_ai("class {0}", "gpt-4") == "class {0}"
    """
    pytester.makepyfile(test_one=body.format("one"), test_two=body.format("two"))
    run(pytester, passed=6)
    assert len(list((pytester.path / "cassettes").iterdir())) == 6
    run(pytester, "--inference-record=none", passed=6)


# Cassettes


def test_streams_are_recorded_as_they_came(serve: Serve, openai_at: Any, tape: Any) -> None:
    openai_at(serve())
    tape(RECORD)
    with ProviderList().stream("hi", "gpt-4") as stream:
        said = list(stream)
    tape(REPLAY)
    with ProviderList().stream("hi", "gpt-4") as stream:
        assert (list(stream), "".join(said)) == (["he", "llo"], "hello")
        assert stream.answer == "hello"


def test_asynchronous_calls_and_streams_are_recorded(serve: Serve, openai_at: Any, tape: Any) -> None:
    server = openai_at(serve())

    async def work() -> list[Any]:
        providers = AsyncProviderList()
        pieces = [piece async for piece in providers.stream("hi", "gpt-4")]
        found = [*pieces, await providers.ask_ai("hi", "gpt-4")]
        await providers.aclose()
        return found

    tape(RECORD)
    recorded = asyncio.run(work())
    tape(REPLAY)
    assert asyncio.run(work()) == recorded == ["he", "llo", "hello"]
    assert len(server.asked) == 2


@pytest.mark.parametrize("test", [False, True])
def test_a_connection_and_its_client_are_recorded(serve: Serve, openai_at: Any, tape: Any, test: bool) -> None:
    openai_at(serve())
    for mode in (RECORD, REPLAY):
        tape(mode)
        providers = ProviderList()
        client, name = providers.connect_to_model("gpt-4", test=test)
        assert providers.get_response(client, name, "hi") == "hello"
        client.close()
        providers.close()


def test_batches_and_the_engine_are_recorded(serve: Serve, openai_at: Any, tape: Any) -> None:
    from inference_providers import MetaInferenceEngine

    server = openai_at(serve())
    for mode in (RECORD, REPLAY):
        tape(mode)
        assert [r.answer for r in ProviderList().batch([f"q{n}" for n in range(20)], "gpt-4")] == ["hello"] * 20
        assert MetaInferenceEngine().infer("hi", "gpt-4")[0].messages[-1].content == "hello"
    assert len(server.asked) == 21


def test_many_threads_may_record_on_one_cassette(serve: Serve, openai_at: Any, tape: Any) -> None:
    openai_at(serve())
    path = tape(RECORD)
    providers = ProviderList()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: providers.ask_ai(f"q{n}", "gpt-4"), range(40)))
    assert len(json.loads(path.read_text())["interactions"]) == 40
    assert {child.name for child in path.parent.iterdir()} == {"tape.json"}
    providers.close()


def test_equal_questions_get_their_answers_in_order(serve: Serve, openai_at: Any, tape: Any) -> None:
    replies = iter("abc")
    openai_at(serve(lambda connection, request: connection.reply(200, completion(next(replies)))))
    tape(RECORD)
    assert [ask_ai("hi", "gpt-4") for _ in range(3)] == ["a", "b", "c"]
    tape(REPLAY)
    assert [ask_ai("hi", "gpt-4") for _ in range(4)] == ["a", "b", "c", "c"]


def test_a_refusal_is_played_back_as_one(serve: Serve, openai_at: Any, tape: Any) -> None:
    server = openai_at(serve(status(401, {"error": {"message": "bad key"}})))
    for mode in (RECORD, REPLAY):
        tape(mode)
        with pytest.raises(Exception, match="bad key"):
            ProviderList().ask_ai("hi", "gpt-4")
    assert len(server.asked) == 1


def test_no_key_is_on_a_cassette_though_a_server_repeats_it(serve: Serve, openai_at: Any, tape: Any) -> None:
    def blabbing(connection: Any, request: Any) -> None:
        if request.streams:
            answer(connection, request, f"{request.key} {OTHER}")
        else:
            body = {**completion(f"key {request.key}, {request.key[:14]}..., {OTHER}"), request.key: request.key}
            connection.reply(200, body, {"retry-after": str(request.key), "x-key": str(request.key)})

    openai_at(serve(blabbing))
    path = tape(RECORD)
    providers = ProviderList(environ={**keys(0), "OPENAI_API_KEY": KEY, "GROQ_API_KEY": OTHER, **_base()}, local=False)
    providers.ask_ai("hi", "gpt-4")
    list(providers.stream("hi", "gpt-4"))
    providers.close()
    text = path.read_text()
    assert "canary" not in text
    assert "Authorization" not in text and "Bearer" not in text
    assert json.loads(text)["variables"] == ["OPENAI_API_KEY"]


def _base() -> dict[str, str]:
    import os

    return {"OPENAI_BASE_URL": os.environ["OPENAI_BASE_URL"]}


def test_a_key_in_bytes_that_are_no_text_is_left_out_too(serve: Serve, openai_at: Any, tape: Any) -> None:
    import base64

    def binary(connection: Any, request: Any) -> None:
        connection.reply(500, b"\xff\xfe" + str(request.key).encode() + b"\x80")

    openai_at(serve(binary))
    path = tape(RECORD)
    with pytest.raises(Exception, match="500"):
        ProviderList().ask_ai("hi", "gpt-4")
    kept = json.loads(path.read_text())["interactions"][0]["response"]["body"]
    assert base64.b64decode(kept["base64"]) == b"\xff\xfe[key]\x80"


def test_a_key_of_the_player_changes_nothing(
    serve: Serve, openai_at: Any, tape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = openai_at(serve())
    tape(RECORD)
    recorded = ProviderList().ask_ai("hi")
    monkeypatch.setenv("ANTHROPIC_API_KEY", OTHER)
    monkeypatch.setenv("OPENROUTER_API_KEY", OTHER)
    tape(REPLAY)
    found = ProviderList().ask_ai("hi")
    assert (found, found.provider) == (recorded, "openai")
    assert len(server.asked) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON", '{"interactions": 5, "variables": []}'])
def test_a_file_that_is_no_recording_is_an_error_that_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tape.json"
    path.write_text(text)
    with pytest.raises(CassetteError, match=r"tape\.json is not a recording"):
        Cassette(path, REPLAY)


def test_a_stream_that_is_left_early_is_recorded_as_far_as_it_came(serve: Serve, openai_at: Any, tape: Any) -> None:
    def long(connection: Any, request: Any) -> None:
        connection.start_stream()
        for number in range(200):
            connection.event(delta(f"{number} " + "x" * 1000))
        connection.event(delta(None, "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    openai_at(serve(long))
    for mode in (RECORD, REPLAY):
        tape(mode)
        with ProviderList().stream("hi", "gpt-4") as stream:
            assert next(iter(stream)).startswith("0 ")


def test_a_replay_opens_no_connection(openai_at: Any, serve: Serve, tape: Any, monkeypatch: Any) -> None:
    import socket

    server = openai_at(serve())
    tape(RECORD)
    ProviderList().ask_ai("hi", "gpt-4")
    server.close()
    tape(REPLAY)

    def refuse(*arguments: Any) -> Any:
        raise AssertionError("a replay went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert ProviderList(local=False).ask_ai("hi", "gpt-4") == "hello"


def test_an_unreachable_provider_is_recorded_so_that_the_next_one_is_played_back(serve: Serve, tape: Any) -> None:
    from tests.conftest import list_of

    server = serve()
    endpoints = (f"http://127.0.0.1:{refused_port()}/v1", server.url)
    tape(RECORD)
    assert list_of(*endpoints).ask_ai("hi", "m") == "hello"
    tape(REPLAY)
    assert list_of(*endpoints).ask_ai("hi", "m").provider == "p2"
