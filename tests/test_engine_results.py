"""Nothing that was answered is lost when others fail, and a conversation comes back with all that its reply said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import (
    Conversation,
    InferenceProvidersError,
    InferenceResult,
    Message,
    MetaInferenceEngine,
    Role,
    UnknownModelError,
)
from tests.conftest import ROOT
from tests.servers import Server, completion, status

Serve = Callable[..., Server]
ASKED = ["a", "BAD", "c", "d"]


def picky(connection: Any, request: Any) -> None:
    """Refuses what says BAD, and answers the rest."""
    said = request.json["messages"][-1]["content"]
    if said == "BAD":
        status(400, {"error": {"message": "no such thing"}})(connection, request)
    else:
        connection.reply(200, completion(f"re: {said}"))


def engine_at(server: Server, **options: Any) -> MetaInferenceEngine:
    return MetaInferenceEngine(remote_params={"api_url": server.url}, **options)


def texts(found: list[Conversation]) -> list[Any]:
    return [talk.messages[-1].content for talk in found]


def test_those_that_fail_come_back_as_they_were_where_errors_are_kept(serve: Serve) -> None:
    found = engine_at(serve(picky)).infer(ASKED, "m", on_error="keep")
    assert texts(found) == ["re: a", "BAD", "re: c", "re: d"]
    assert "error" not in found[0].metadata
    assert "no such thing" in found[1].metadata["error"]["message"]
    assert found[1].metadata["error"]["status"] == 400


def test_a_part_may_fail(serve: Serve) -> None:
    result = engine_at(serve(picky)).infer_partial(ASKED, "m")
    assert [(index, talk.messages[-1].content) for index, talk in result.successful] == [
        (0, "re: a"),
        (2, "re: c"),
        (3, "re: d"),
    ]
    assert (result.has_failures, result.failed_indices) == (True, [1])
    failure = result.failures[1]
    assert (failure.status_code, failure.is_retryable, failure.error_type) == (400, False, "api_status")
    assert "no such thing" in failure.error_message
    assert result.error_messages == {1: failure.error_message}
    assert isinstance(failure.error, InferenceProvidersError)


@pytest.mark.parametrize(
    ("behaviour", "retryable", "kind"),
    [
        (status(401, {"error": {"message": "bad key"}}), False, "api_status"),
        (status(500), True, "api_status"),
        (status(404, {"error": {"message": "no such model"}}), False, "api_status"),
        (lambda connection, request: connection.reply(200, {"error": "no such path"}), False, "api_status"),
        (status(429), True, "api_status"),
        (lambda connection, request: connection.close(), True, "connection"),
    ],
)
def test_what_may_be_asked_again_is_told_from_what_may_not(
    serve: Serve, behaviour: Any, retryable: bool, kind: str
) -> None:
    server = serve(behaviour)
    remote = {"api_url": server.url, "max_retries": 0, "connection_timeout": 5}
    result = MetaInferenceEngine(remote_params=remote).infer_partial(["a"], "m")
    assert result.successful == []
    assert (result.failures[0].is_retryable, str(result.failures[0].error_type)) == (retryable, kind)


def test_a_conversation_that_cannot_be_asked_fails_alone(serve: Serve) -> None:
    result = engine_at(serve(picky)).infer_partial([Conversation(), "a"], "m")
    assert (result.failed_indices, len(result.successful)) == ([0], 1)
    assert (result.failures[0].error_type, result.failures[0].is_retryable) == ("config", False)


def test_an_error_that_is_raised_has_what_was_answered(serve: Serve) -> None:
    with pytest.raises(InferenceProvidersError) as caught:
        MetaInferenceEngine(remote_params={"api_url": serve(picky).url, "num_workers": 1}).infer(["a", "BAD", "c"], "m")
    partial: InferenceResult = caught.value.inference_result  # type: ignore[attr-defined]
    assert [index for index, _ in partial.successful] == [0]
    assert partial.failed_indices == [1]


@pytest.mark.parametrize("file", [False, True])
def test_an_interrupt_has_what_was_answered(serve: Serve, tmp_path: Path, file: bool) -> None:
    """Ctrl-C, in a process of its own."""

    def stops(connection: Any, request: Any) -> None:
        if request.json["messages"][-1]["content"] == "stop":
            process.send_signal(signal.SIGINT)
            connection.hold()
        else:
            picky(connection, request)

    server = serve(stops)
    program = (
        "import sys\n"
        "from inference_providers import MetaInferenceEngine\n"
        f"engine = MetaInferenceEngine(remote_params={{'api_url': {server.url!r}, 'num_workers': 1}})\n"
        "try:\n"
        f"    engine.infer(['a', 'b', 'stop', 'c'], 'm', output_path={str(tmp_path / 'o.jsonl') if file else None!r})\n"
        "except KeyboardInterrupt as error:\n"
        "    print([index for index, _ in error.inference_result.successful])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    out, _ = process.communicate(timeout=60)
    assert out.strip() == "[0, 1]"
    if file:
        assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("model", ["no-such-model-at-all", None])
def test_what_concerns_all_of_them_is_raised(model: str | None) -> None:
    with pytest.raises(UnknownModelError):
        MetaInferenceEngine(environ={}, local=False).infer_partial(["a"], model)


def test_another_word_for_what_becomes_of_errors_is_refused() -> None:
    with pytest.raises(ValueError, match="on_error"):
        MetaInferenceEngine().infer(["a"], "m", on_error="ignore")  # type: ignore[arg-type]


# Files


def test_a_file_holds_conversations_in_order_and_its_folder_is_made(serve: Serve, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder" / "out.jsonl"
    asked = [Conversation([Message(Role.USER, f"q{n}")], f"c{n}", {"k": n}) for n in range(20)]
    found = engine_at(serve(picky)).infer(asked, "m", output_path=out)
    written = [Conversation.from_json(line) for line in out.read_text().splitlines()]
    assert written == found
    assert [talk.conversation_id for talk in written] == [f"c{n}" for n in range(20)]
    assert [talk.metadata["k"] for talk in written] == list(range(20))


def test_only_what_failed_is_asked_again(serve: Serve, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    server = serve(picky)
    first = engine_at(server).infer_partial(ASKED, "m", output_path=out)
    assert len(first.successful) == 3
    assert [Conversation.from_json(line)[0].content for line in out.read_text().splitlines()] == ["a", "c", "d"]
    server.behaviour = lambda connection, request: connection.reply(200, completion("at last"))
    server.requests.clear()
    again = engine_at(server).infer(ASKED, "m", output_path=out)
    assert texts(again) == ["re: a", "at last", "re: c", "re: d"]
    assert len(server.asked) == 1
    assert [Conversation.from_json(line)[0].content for line in out.read_text().splitlines()] == ASKED


def test_what_comes_out_of_a_file_is_what_went_in(serve: Serve, tmp_path: Path) -> None:
    body = completion("so")
    body["choices"][0]["message"]["reasoning_content"] = "hm"
    body["usage"] = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    server = serve(lambda connection, request: connection.reply(200, body))
    asked = [Conversation([Message(Role.USER, "q")], "c", {"mine": 1})]
    first = engine_at(server).infer(asked, "m", output_path=tmp_path / "o.jsonl")
    again = engine_at(server).infer(
        [Conversation([Message(Role.USER, "q")], "c", {"mine": 2})], "m", output_path=tmp_path / "o.jsonl"
    )
    assert len(server.asked) == 1
    assert again[0].metadata == {**first[0].metadata, "mine": 2}
    assert again[0].messages == first[0].messages


def test_conversations_come_from_a_file(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "a"}], "conversation_id": "x"}\n\n')
    engine = engine_at(serve(picky))
    for found in (engine.infer(path, "m"), engine.infer(inference_config={"input_path": str(path)}, model_name="m")):
        assert (texts(found), found[0].conversation_id) == (["re: a"], "x")
    path.write_text('{"messages": [{"role": "user", "content": "a"}]}\n{"nothing": 1}\n')
    with pytest.raises(ValueError, match=r"in\.jsonl, line 2"):
        engine.infer(path, "m")


def test_a_file_may_be_an_array_and_its_path_may_begin_at_home(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    turns = [{"role": "user", "content": "a"}]
    (tmp_path / "in.json").write_text(json.dumps([{"messages": turns}, {"messages": turns}], indent=1))
    engine = engine_at(serve(picky))
    assert texts(engine.infer(Path("~/in.json"), "m", output_path="~/out/answers.jsonl")) == ["re: a", "re: a"]
    assert texts(engine.infer(Path("~/out/answers.jsonl"), "m")) == ["re: re: a", "re: re: a"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] in "~io") == ["in.json", "out"]
    for name, text, said in (
        ("in.txt", "What is a?\n", r"in\.txt, line 1: .*; conversations are JSON, one on each line"),
        ("cut.json", '[{"messages": [', r"cut\.json begins as a JSON array, and is none"),
        ("texts.json", '["a"]', r"texts\.json, item 1: a conversation is a dict"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=said):
            engine.infer(Path(name), "m")
        with pytest.raises(ValueError, match="is a file"):
            engine.infer(name, "m")


@pytest.mark.parametrize("given", [5, b"Hi", None, 1.5])
def test_what_is_no_conversation_says_what_one_is(serve: Serve, given: Any) -> None:
    with pytest.raises(TypeError, match=r"give conversations: a list of them, one, or the pathlib\.Path of a file"):
        engine_at(serve(picky)).infer(given, "m")


def test_an_engine_asks_one_model_and_says_where_its_settings_go(serve: Serve) -> None:
    server = serve(picky)
    several: Any = ["m", "n"]
    with pytest.raises(TypeError, match="model_name must be text, not list"):
        engine_at(server).infer(["a"], several)
    for word, where in (("max_retries", "remote_params"), ("num_workers", "remote_params"), ("adapter_model", "model")):
        with pytest.raises(TypeError, match=rf"{word} is of .*{where}.*: \w+Params\({word}=\.\.\.\)"):
            engine_at(server).infer(["a"], "m", **{word: 1})
    assert server.asked == []


def test_conversations_are_given_once(serve: Serve, tmp_path: Path) -> None:
    engine = engine_at(serve(picky))
    (tmp_path / "in.jsonl").touch()
    with pytest.raises(ValueError, match=r"is a file; .* pathlib\.Path"):
        engine.infer(str(tmp_path / "in.jsonl"), "m")
    with pytest.raises(ValueError, match="not both"):
        engine.infer(["a"], "m", {"input_path": "x.jsonl"})
    with pytest.raises(TypeError, match="give one of them"):
        engine.infer(["a"], "m", input=["b"])
    assert texts(engine.infer(input=["a"], model_name="m")) == ["re: a"]


def test_whoever_watches_sees_how_far_it_is(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "watch" / "progress.json"
    engine_at(serve(picky)).infer_partial(ASKED, "m", progress_path=path)
    told = json.loads(path.read_text())
    assert (told["total"], told["completed"], told["failed"]) == (4, 3, 1)


# What came back


def test_a_reply_says_how_it_came_about(serve: Serve) -> None:
    body = completion("cut o")
    body["choices"][0]["finish_reason"] = "length"
    body["choices"][0]["message"]["reasoning_content"] = "hm"
    body["usage"] = {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    server = serve(lambda connection, request: connection.reply(200, body))
    (found,) = engine_at(server).infer([Conversation([Message(Role.USER, "q")], metadata={"k": 1})], "m")
    said = found.metadata
    assert said["k"] == 1
    assert said["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "total_tokens": 7,
        "cached_tokens": 4,
    }
    assert (said["finish_reason"], said["reasoning"], said["model"]) == ("length", "hm", "m")
    assert found.messages[-1].reasoning_content == "hm"
    assert json.loads(json.dumps(found.to_dict()))["metadata"] == said


def test_the_cost_is_that_of_the_reply(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    environ = {"OPENAI_API_KEY": "sk-0123456789abcdefghij", "OPENAI_BASE_URL": server.url}
    (found,) = MetaInferenceEngine(environ=environ, local=False).infer("q", "openai/gpt-4o")
    assert found.metadata["provider"] == "openai"
    assert found.metadata["cost"] > 0


def test_what_an_earlier_reply_said_is_not_said_of_the_next(serve: Serve) -> None:
    body = completion("one")
    body["choices"][0]["message"]["reasoning_content"] = "hm"
    server = serve(lambda connection, request: connection.reply(200, body))
    engine = engine_at(server)
    (first,) = engine.infer("q", "m")
    server.behaviour = lambda connection, request: connection.reply(200, completion("two"))
    (second,) = engine.infer([first.with_message({"role": "user", "content": "and?"})], "m")
    assert "reasoning" in first.metadata
    assert "reasoning" not in second.metadata
    assert [message.content for message in second.messages] == ["q", "one", "and?", "two"]


def calls(*names: str) -> dict[str, Any]:
    body = completion(None)
    body["choices"][0]["message"] = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": "{}"}}
            for n, name in enumerate(names)
        ],
    }
    body["choices"][0]["finish_reason"] = "tool_calls"
    return body


def test_turns_of_tools_are_in_the_conversation(serve: Serve, tmp_path: Path) -> None:
    def now() -> str:
        """The time."""
        return "noon"

    def behave(connection: Any, request: Any) -> None:
        done = any(turn["role"] == "tool" for turn in request.json["messages"])
        connection.reply(200, completion("It is noon.") if done else calls("now"))

    for options in ({}, {"output_path": tmp_path / "o.jsonl"}, {"output_path": tmp_path / "o.jsonl"}):
        (found,) = engine_at(serve(behave), system="Be brief.").infer("q", "m", tools=[now], **options)
        assert [str(message.role) for message in found.messages] == ["user", "assistant", "tool", "assistant"]
        assert found.messages[1].tool_calls is not None
        assert (found.messages[2].content, found.messages[-1].content) == ("noon", "It is noon.")


TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}


def test_tools_of_a_conversation_are_its_own(serve: Serve) -> None:
    server = serve(lambda connection, request: connection.reply(200, calls("now")))
    given = {"messages": [{"role": "user", "content": "q"}], "tools": [TOOL]}
    found = engine_at(server).infer([given, "without"], "m")
    sent = {request.json["messages"][0]["content"]: request.json for request in server.asked}
    assert sent["q"]["tools"] == [TOOL]
    assert "tools" not in sent["without"]
    assert found[0].messages[-1].tool_calls is not None
    assert Conversation.from_json(found[0].to_json()).tools == [TOOL]


def test_calls_of_a_conversations_own_tools_are_handed_back_though_the_engine_has_functions(serve: Serve) -> None:
    def other() -> str:
        """Another."""
        raise AssertionError("nobody asked for it")

    server = serve(lambda connection, request: connection.reply(200, calls("now")))
    given = Conversation([Message(Role.USER, "q")], tools=[TOOL])
    (found,) = engine_at(server).infer([given], "m", tools=[other])
    assert found.messages[-1].tool_calls is not None
    assert len(server.asked) == 1


# Options


def test_options_of_questions_are_taken_by_engine_and_call(serve: Serve) -> None:
    server = serve()
    pixel = b"\x89PNG\r\n\x1a\n" + b"0" * 8
    options: dict[str, Any] = {"system": "Be brief.", "images": [pixel], "extra_body": {"x": 1}, "timeout": 30.0}
    options["files"] = [b"%PDF-1.7"]
    engine_at(server, **options).infer("q", "m")
    engine_at(server).infer("q", "m", **options)
    for request in server.asked:
        assert [turn["role"] for turn in request.json["messages"]] == ["system", "user"]
        assert request.json["x"] == 1
        assert request.json["messages"][1]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
        assert request.json["messages"][1]["content"][2]["file"]["filename"] == "document.pdf"


def test_a_schema_gives_a_value(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda connection, request: connection.reply(200, completion('{"n": 3}')))
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    for _ in range(2):
        (found,) = engine_at(server).infer("q", "m", schema=schema, output_path=tmp_path / "o.jsonl")
        assert found.metadata["parsed"] == {"n": 3}


def test_an_engine_goes_on_no_longer_than_it_is_told(serve: Serve) -> None:
    def more() -> str:
        """More."""
        return "more"

    server = serve(lambda connection, request: connection.reply(200, calls("more")))
    result = engine_at(server, max_steps=2).infer_partial("q", "m", tools=[more])
    assert "2 steps" in result.failures[0].error_message
    assert len(server.asked) == 2


def test_a_registry_and_replies_may_be_given(serve: Serve) -> None:
    server = serve()
    row = {
        "name": "Mine",
        "connection": {"protocol": "openai", "endpoint": server.url, "api_key": ["MINE_API_KEY"]},
        "model_names": {"gpt-4o": "mine-4o"},
    }
    engine = MetaInferenceEngine(
        json_merge={"providers": {"mine": row}}, environ={"MINE_API_KEY": "sk-0123456789abcdef"}, local=False
    )
    engine.infer("q", "gpt-4o")
    assert server.asked[0].json["model"] == "mine-4o"
    engine.infer("q", "mine/gpt-4o", api_key="sk-of-the-call-0123456789")
    assert server.asked[1].key == "sk-of-the-call-0123456789"
    mocked = MetaInferenceEngine(mock={"*": "mocked"}, environ={})
    assert texts(mocked.infer("q", "gpt-4o")) == ["mocked"]
    assert texts(mocked.infer("q", "gpt-4o", remote_params={"api_url": "http://127.0.0.1:9/v1"})) == ["mocked"]


@pytest.mark.parametrize("options", [{"json_override": "{"}, {"local": "sometimes"}, {"aliases": 3}])
def test_options_of_lists_that_are_none_are_refused_at_once(options: Any) -> None:
    with pytest.raises((ValueError, TypeError, InferenceProvidersError)):
        MetaInferenceEngine(**options)


def _circle() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["me"] = found
    return found


@pytest.mark.parametrize("metadata", [{(1, 2): 3}, _circle()])
def test_metadata_that_no_file_can_hold_is_told_before_anything_is_paid_for(
    serve: Serve, tmp_path: Path, metadata: dict[str, Any]
) -> None:
    server = serve(picky)
    talks = [Conversation([Message("user", "a")]), Conversation([Message("user", "c")], metadata=metadata)]
    with pytest.raises(ValueError, match="the metadata of conversation 1 cannot be written as JSON"):
        engine_at(server).infer(talks, "m", output_path=str(tmp_path / "out.jsonl"), on_error="keep")
    assert server.asked == []
    assert texts(engine_at(server).infer(talks, "m")) == ["re: a", "re: c"]  # nothing is written
