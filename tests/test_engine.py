"""One engine for every model: real servers, keys by hand, and conversations that come back answered."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inference_providers import (
    AllProvidersFailedError,
    Conversation,
    GenerationParams,
    InferenceConfig,
    InferenceProvidersError,
    Message,
    MetaInferenceEngine,
    ModelParams,
    NoCredentialsError,
    RemoteParams,
    Role,
    UnknownModelError,
)
from tests.conftest import keys
from tests.servers import PATIENCE, Connection, Limiter, Received, Server, answer, completion, status

Serve = Callable[..., Server]
ENVIRONMENTS, HAND, OTHER = list(keys(3).values())


@pytest.fixture
def openai_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], Server]:
    """Let OpenAI, with a key of the environment, be this server."""

    def point(server: Server) -> Server:
        monkeypatch.setenv("OPENAI_API_KEY", ENVIRONMENTS)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        return server

    return point


def echo(connection: Any, request: Any) -> None:
    connection.reply(200, completion(f"re: {request.json['messages'][-1]['content']}"))


def last(talk: Conversation) -> Any:
    return talk.messages[-1].content


def test_conversations_come_back_answered_in_order(serve: Serve, openai_at: Any) -> None:
    openai_at(serve(echo))
    asked = [Conversation([Message(Role.USER, f"q{number}")], f"c{number}") for number in range(40)]
    found = MetaInferenceEngine(temperature=0.7, max_tokens=1000).infer(asked, model_name="gpt-4o")
    assert [last(talk) for talk in found] == [f"re: q{number}" for number in range(40)]
    assert [talk.conversation_id for talk in found] == [f"c{number}" for number in range(40)]
    assert found[0].messages[-1].role is Role.ASSISTANT
    assert {len(talk) for talk in asked} == {1}


def test_conversations_are_asked_at_the_same_time(serve: Serve, openai_at: Any) -> None:
    together = threading.Barrier(5)

    def meeting(connection: Any, request: Any) -> None:
        together.wait(PATIENCE)
        echo(connection, request)

    openai_at(serve(meeting))
    engine = MetaInferenceEngine(remote_params={"num_workers": 5})
    assert len(engine.infer([f"q{number}" for number in range(5)], "gpt-4o")) == 5


def test_no_more_are_asked_at_once_than_there_are_workers(serve: Serve, openai_at: Any) -> None:
    busy, most, lock = 0, 0, threading.Condition()

    def counting(connection: Any, request: Any) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
            lock.notify_all()
            lock.wait_for(lambda: most >= 2, PATIENCE)
        time.sleep(0.02)  # for one too many to come
        with lock:
            busy -= 1
        echo(connection, request)

    openai_at(serve(counting))
    MetaInferenceEngine(remote_params={"num_workers": 2}).infer([f"q{n}" for n in range(10)], "gpt-4o")
    assert most == 2


@pytest.mark.parametrize(
    "given",
    [
        "Hi",
        Conversation([Message("user", "Hi")]),
        {"messages": [{"role": "user", "content": "Hi"}]},
        [{"role": "user", "content": "Hi"}],
        [Message("user", "Hi")],
        [[{"role": "user", "content": "Hi"}]],
        iter(["Hi"]),
    ],
)
def test_one_conversation_needs_no_list(serve: Serve, openai_at: Any, given: Any) -> None:
    server = openai_at(serve())
    assert [last(talk) for talk in MetaInferenceEngine().infer(given, "gpt-4o")] == ["hello"]
    assert server.asked[0].json["messages"] == [{"role": "user", "content": "Hi"}]


def test_nothing_asked_is_nothing_answered(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    assert MetaInferenceEngine().infer([], "gpt-4o") == []
    assert server.asked == []


@pytest.mark.parametrize("given", [None, 5, Message("user", "Hi"), [5], [None], {"role": "user", "content": "Hi"}])
def test_what_is_no_conversation_is_a_type_error(given: Any, openai_at: Any, serve: Serve) -> None:
    server = openai_at(serve())
    with pytest.raises(TypeError):
        MetaInferenceEngine().infer(given, "gpt-4o")
    assert server.asked == []


def test_an_empty_conversation_is_an_error_that_says_so(openai_at: Any, serve: Serve) -> None:
    openai_at(serve())
    with pytest.raises(ValueError, match="empty"):
        MetaInferenceEngine().infer([Conversation()], "gpt-4o")


def test_the_call_goes_before_the_configuration_and_that_before_the_engine(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    config = InferenceConfig(
        model=ModelParams("gpt-4"), generation=GenerationParams(temperature=0.8, max_new_tokens=2000, top_p=0.95)
    )
    MetaInferenceEngine(max_tokens=1000, seed=7).infer("Hi", "gpt-4o", config, temperature=0.1)
    sent = server.asked[0].json
    assert (sent["temperature"], sent["top_p"], sent["max_completion_tokens"], sent["seed"]) == (0.1, 0.95, 2000, 7)
    assert sent["model"] == "gpt-4o"


def test_another_word_for_the_same_thing_overrides_it(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    MetaInferenceEngine(max_tokens=1000).infer("Hi", "gpt-4o", max_new_tokens=5)
    assert server.asked[0].json["max_completion_tokens"] == 5


def test_two_words_for_one_thing_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="another word"):
        MetaInferenceEngine(max_tokens=1, max_new_tokens=2)
    with pytest.raises(ValueError, match="another word"):
        MetaInferenceEngine().infer("Hi", "gpt-4o", max_tokens=1, max_new_tokens=2)


def test_the_model_of_the_configuration_counts_where_none_is_named(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    MetaInferenceEngine().infer("Hi", inference_config={"model": {"model_name": "openai/gpt-4"}})
    assert server.asked[0].json["model"] == "gpt-4"
    with pytest.raises(UnknownModelError, match="No model"):
        MetaInferenceEngine().infer("Hi")


def test_all_generation_parameters_arrive_in_the_words_of_a_vllm_server(serve: Serve) -> None:
    server = serve()
    generation = GenerationParams(
        max_new_tokens=9, batch_size=2, seed=1, temperature=0.5, top_p=0.9, min_p=0.1, frequency_penalty=0.1,
        presence_penalty=0.2, stop_strings=["END"], stop_token_ids=[5], logit_bias={7: 1.5},
        guided_decoding={"choice": ["yes", "no"]},
    )  # fmt: skip
    config = InferenceConfig(generation=generation, remote_params=RemoteParams(api_url=server.url))
    MetaInferenceEngine().infer("Hi", "mine", config)
    sent = server.asked[0].json
    assert (sent["min_p"], sent["stop"], sent["stop_token_ids"], sent["seed"]) == (0.1, ["END"], [5], 1)
    assert (sent["logit_bias"], sent["guided_choice"]) == ({"7": 1.5}, ["yes", "no"])
    assert "batch_size" not in sent


def test_a_schema_for_guided_decoding_is_asked_for(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    MetaInferenceEngine(guided_decoding={"json": schema}).infer("Hi", "gpt-4o")
    assert server.asked[0].json["response_format"]["json_schema"]["schema"] == schema


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: MetaInferenceEngine(temprature=1), "temprature"),
        (lambda: MetaInferenceEngine(temperature="hot"), "temperature"),
        (lambda: MetaInferenceEngine(remote_params={"api_kee": HAND}), "api_kee"),
        (lambda: MetaInferenceEngine(remote_params=HAND), "RemoteParams"),
        (lambda: InferenceConfig(model={"model": "gpt-4o"}), "ModelParams has no model"),
        (lambda: InferenceConfig(model="gpt-4o"), "ModelParams"),
        (lambda: MetaInferenceEngine().infer("Hi", "gpt-4o", {"modle": {}}), "modle"),
        (lambda: MetaInferenceEngine().infer("Hi", "gpt-4o", temprature=1), "temprature"),
    ],
)
def test_what_is_no_parameter_is_named_and_its_value_is_not(make: Any, named: str) -> None:
    with pytest.raises(TypeError, match=named) as caught:
        make()
    assert "canary" not in str(caught.value)


def test_values_out_of_range_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="top_p"):
        MetaInferenceEngine(top_p=2)


def test_a_running_event_loop_is_no_obstacle(serve: Serve, openai_at: Any) -> None:
    openai_at(serve())
    engine = MetaInferenceEngine()

    async def notebook() -> list[Conversation]:
        return engine.infer(["a"], "gpt-4o") + engine.infer(["b"], "gpt-4o")

    assert [last(talk) for talk in asyncio.run(notebook())] == ["hello", "hello"]


def test_one_failing_conversation_among_many_is_raised_and_the_file_keeps_the_others(
    serve: Serve, openai_at: Any, tmp_path: Path
) -> None:
    def one_fails(connection: Any, request: Any) -> None:
        bad = request.json["messages"][-1]["content"] == "q3"
        status(400, {"error": {"message": "no such thing"}})(connection, request) if bad else echo(connection, request)

    server = openai_at(serve(one_fails))
    out = tmp_path / "answers.jsonl"
    asked = [f"q{number}" for number in range(6)]
    engine = MetaInferenceEngine(remote_params={"num_workers": 1})
    with pytest.raises(InferenceProvidersError, match="no such thing"):
        engine.infer(asked, "gpt-4o", output_path=out)
    server.behaviour = echo
    before = len(server.asked)
    assert [last(talk) for talk in engine.infer(asked, "gpt-4o", output_path=out)] == [f"re: {q}" for q in asked]
    assert len(server.asked) - before == 3


def test_a_finished_job_is_not_asked_again_and_comes_back_whole(serve: Serve, openai_at: Any, tmp_path: Path) -> None:
    server = openai_at(serve(echo))
    config = InferenceConfig(output_path=str(tmp_path / "answers.jsonl"))
    first = MetaInferenceEngine().infer(["a", "b"], "gpt-4o", config)
    assert MetaInferenceEngine().infer(["a", "b"], "gpt-4o", config) == first
    assert len(server.asked) == 2


@pytest.mark.parametrize("asked", [["b"], ["b", "c"], ["c", "b", "a"], ["b", "b"], ["d"]])
def test_a_file_of_other_conversations_never_gives_one_the_answer_of_another(
    serve: Serve, openai_at: Any, tmp_path: Path, asked: list[str]
) -> None:
    openai_at(serve(echo))
    out = tmp_path / "answers.jsonl"
    MetaInferenceEngine().infer(["a", "b"], "gpt-4o", output_path=out)
    found = MetaInferenceEngine().infer(asked, "gpt-4o", output_path=out)
    assert [last(talk) for talk in found] == [f"re: {text}" for text in asked]


def test_without_an_output_path_nothing_is_written(
    serve: Serve, openai_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai_at(serve())
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    MetaInferenceEngine().infer("Hi", "gpt-4o")
    assert list(work.iterdir()) == []


def test_tool_calls_come_back_in_the_reply(serve: Serve, openai_at: Any) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    body = completion(None)
    body["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
    openai_at(serve(lambda connection, request: connection.reply(200, body)))
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}]
    found = MetaInferenceEngine().infer("Hi", "gpt-4o", tools=tools)
    assert found[0].messages[-1].extra == {"tool_calls": [call]}


def test_a_temporary_failure_is_tried_as_often_as_the_retries_say(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve(status(500)))
    engine = MetaInferenceEngine(
        remote_params={"max_retries": 2, "retry_backoff_base": 0.01, "retry_backoff_max": 0.02}
    )
    with pytest.raises(AllProvidersFailedError):
        engine.infer("Hi", "openai/gpt-4o")
    assert len(server.asked) == 3


def test_no_retries_are_no_retries(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve(status(500)))
    with pytest.raises(AllProvidersFailedError):
        MetaInferenceEngine(remote_params={"max_retries": 0}).infer("Hi", "openai/gpt-4o")
    assert len(server.asked) == 1


def test_a_server_that_is_silent_is_given_up_after_the_timeout(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve(lambda connection, request: connection.hold()))
    with pytest.raises(AllProvidersFailedError):
        MetaInferenceEngine(remote_params={"connection_timeout": 1.0, "max_retries": 0}).infer("Hi", "openai/gpt-4o")
    assert server.left()


def test_a_provider_that_always_refuses_for_the_rate_is_given_up(serve: Serve, openai_at: Any) -> None:
    openai_at(serve(status(429)))
    remote = {"max_retries": 0, "retry_backoff_base": 0.01, "connection_timeout": 1.0}
    with pytest.raises(AllProvidersFailedError):
        MetaInferenceEngine(remote_params=remote).infer("Hi", "openai/gpt-4o")


def test_requests_per_minute_are_kept_to(serve: Serve, openai_at: Any) -> None:
    limiter = Limiter(rate=10, burst=10)
    openai_at(serve(limiter))
    MetaInferenceEngine(remote_params={"requests_per_minute": 600}).infer(["a"] * 15, "gpt-4o")
    assert (limiter.answered, limiter.refused) == (15, 0)


# Keys


def test_a_key_by_hand_is_used_in_place_of_the_environments(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    MetaInferenceEngine(remote_params={"api_key": HAND}).infer("Hi", "gpt-4o")
    MetaInferenceEngine().infer("Hi", "gpt-4o", remote_params={"api_key": HAND})
    assert [request.key for request in server.requests] == [HAND, HAND]


def test_a_key_by_hand_that_is_refused_brings_no_other_key_into_play(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = openai_at(serve(status(401, {"error": {"message": f"bad key {HAND}"}})))
    elsewhere = serve()
    for variable in ("ANTHROPIC", "OPENROUTER", "LITELLM_PROXY", "GROQ", "AZURE"):
        monkeypatch.setenv(f"{variable}_API_KEY", OTHER)
    monkeypatch.setenv("LITELLM_PROXY_API_BASE", elsewhere.url)
    with pytest.raises(InferenceProvidersError) as caught:
        MetaInferenceEngine(remote_params={"api_key": HAND}).infer("Hi", "gpt-4o")
    assert HAND not in str(caught.value)
    assert {request.key for request in server.requests} == {HAND}
    assert elsewhere.requests == []


def test_a_key_by_hand_for_one_provider_never_goes_to_another_address(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    engine = MetaInferenceEngine(remote_params={"api_key": HAND, "max_retries": 0, "connection_timeout": 5})
    offers = engine._engine("together/llama3.1-70b", None, engine._remote)[0]
    found = offers.candidates("together/llama3.1-70b")
    assert [(offer.provider, offer.api_key) for offer in found] == [("together", HAND)]
    assert found[0].endpoint.startswith("https://api.together.")
    assert list(offers.registry.providers) == ["together"]
    assert server.requests == []


def test_a_key_by_hand_goes_to_the_makers_of_the_family() -> None:
    engine = MetaInferenceEngine(remote_params={"api_key": HAND})
    for name, provider in (("claude-3-7-sonnet", "anthropic"), ("gpt-4o", "openai"), ("gemini-2.5-pro", "google")):
        made, called = engine._engine(name, None, engine._remote)
        assert [offer.provider for offer in made.candidates(called)] == [provider]


def test_an_address_by_hand_gets_the_key_by_hand_alone(serve: Serve, openai_at: Any) -> None:
    openais, mine = openai_at(serve()), serve()
    remote = {"api_url": mine.url, "api_key": HAND}
    for model in ("gpt-4o", "my-own/finetune-7b", "openai/gpt-4o"):
        assert last(MetaInferenceEngine(remote_params=remote).infer("Hi", model)[0]) == "hello"
    assert [request.json["model"] for request in mine.asked] == ["gpt-4o", "my-own/finetune-7b", "openai/gpt-4o"]
    assert {request.key for request in mine.requests} == {HAND}
    assert openais.requests == []


def test_an_address_by_hand_without_a_key_gets_none_of_the_environments(serve: Serve, openai_at: Any) -> None:
    openai_at(serve())
    mine = serve()
    MetaInferenceEngine(remote_params={"api_url": f"{mine.url}/chat/completions"}).infer("Hi", "gpt-4o")
    assert ENVIRONMENTS.encode() not in mine.requests[0].raw
    assert mine.asked[0].path == "/v1/chat/completions"


def test_an_address_elsewhere_needs_no_key() -> None:
    engine = MetaInferenceEngine(remote_params={"api_url": "http://vllm.example:8000/v1"})
    made, called = engine._engine("mine", None, engine._remote)
    assert [offer.endpoint for offer in made.candidates(called)] == ["http://vllm.example:8000/v1"]


def test_the_variable_of_a_key_is_read_when_asked(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = openai_at(serve())
    engine = MetaInferenceEngine(remote_params={"api_key_env_varname": "MY_SECRET"})
    monkeypatch.setenv("MY_SECRET", HAND)
    engine.infer("Hi", "gpt-4o")
    monkeypatch.setenv("MY_SECRET", OTHER)
    engine.infer("Hi", "gpt-4o")
    assert [request.key for request in server.asked] == [HAND, OTHER]


def test_a_variable_that_is_not_set_is_named_and_no_other_key_is_used(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    with pytest.raises(NoCredentialsError, match="MY_SECRET"):
        MetaInferenceEngine(remote_params={"api_key_env_varname": "MY_SECRET"}).infer("Hi", "gpt-4o")
    assert server.requests == []


def test_no_key_is_shown_kept_or_written(serve: Serve, openai_at: Any, tmp_path: Path) -> None:
    def blabbing(connection: Any, request: Any) -> None:
        answer(connection, request, f"your key is {request.key}")

    openai_at(serve(blabbing))
    remote = RemoteParams(api_key=HAND)
    config = InferenceConfig(remote_params=remote, output_path=str(tmp_path / "out.jsonl"))
    engine = MetaInferenceEngine()
    engine.infer("Hi", "gpt-4o", config)
    shown = f"{engine!r} {remote!r} {config!r} {list(engine._engines)} {list(engine._engines.values())}"
    assert HAND not in shown
    assert HAND[:12] not in shown


def test_engines_are_reused_for_the_same_settings_only(serve: Serve, openai_at: Any, monkeypatch: Any) -> None:
    openai_at(serve())
    other = serve()
    engine = MetaInferenceEngine()
    for remote in (
        {},
        {},
        {"api_key": HAND},
        {"api_key": HAND},
        {"api_key": OTHER},
        {"api_url": other.url},
        {"api_url": other.url, "api_key": HAND},
        {"max_retries": 1},
    ):
        engine.infer("Hi", "gpt-4o", remote_params=remote)
    assert repr(engine) == "<MetaInferenceEngine with 6 engines>"
    monkeypatch.setenv("OPENAI_API_KEY", OTHER)
    engine.infer("Hi", "gpt-4o")
    assert repr(engine) == "<MetaInferenceEngine with 7 engines>"


def test_an_address_that_changes_in_the_environment_is_followed(serve: Serve, openai_at: Any) -> None:
    engine = MetaInferenceEngine(remote_params={"api_key": HAND})
    for server in (serve(), serve()):
        openai_at(server)
        engine.infer("Hi", "gpt-4o")
        assert len(server.asked) == 1


def test_the_engine_may_be_named_beside_the_model(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    MetaInferenceEngine().infer("Hi", "gpt-4o", InferenceConfig(engine="OPENAI"))
    assert server.asked[0].json["model"] == "gpt-4o"
    with pytest.raises(UnknownModelError, match="NONSENSE"):
        MetaInferenceEngine().infer("Hi", "gpt-4o", InferenceConfig(engine="NONSENSE"))


@pytest.mark.parametrize("engine", ["REMOTE", "REMOTE_VLLM", "REMOTE_SGLANG", "VLLM"])
def test_a_remote_engine_is_the_one_at_the_given_address(serve: Serve, engine: str) -> None:
    server = serve()
    config = InferenceConfig(engine=engine, remote_params={"api_url": server.url, "api_key": HAND})
    MetaInferenceEngine().infer("Hi", "meta-llama/Llama-3.1-8B", config)
    assert (server.asked[0].json["model"], server.asked[0].key) == ("meta-llama/Llama-3.1-8B", HAND)


def test_two_models_of_two_providers_are_asked_by_one_engine(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    openais = openai_at(serve())
    vllm = serve(lambda c, r: c.reply(200, {"object": "list", "data": [{"id": "mine", "owned_by": "vllm"}]})
                 if r.path.endswith("/models") else echo(c, r))  # fmt: skip
    monkeypatch.setenv("VLLM_API_BASE", vllm.url)
    engine = MetaInferenceEngine()
    assert last(engine.infer("Hi", "gpt-4o")[0]) == "hello"
    assert last(engine.infer("Hi", "x", remote_params={"api_url": vllm.url})[0]) == "re: Hi"
    assert (len(openais.asked), len(vllm.asked)) == (1, 1)


def test_the_files_lines_are_json_and_hold_no_question_twice(serve: Serve, openai_at: Any, tmp_path: Path) -> None:
    openai_at(serve(echo))
    out = tmp_path / "out.jsonl"
    MetaInferenceEngine().infer(["a", "a", "b"], "gpt-4o", output_path=out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(row["answer"] for row in rows) == ["re: a", "re: a", "re: b"]


def test_one_engine_serves_many_threads(serve: Serve, openai_at: Any) -> None:
    openai_at(serve(echo))
    engine = MetaInferenceEngine(remote_params={"num_workers": 2})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: last(engine.infer(f"q{n}", "gpt-4o")[0]), range(24)))
    assert found == [f"re: q{n}" for n in range(24)]


@pytest.mark.parametrize(
    "name",
    ["moonshotai/kimi-k2-instruct", "mistralai/Mixtral-8x7B-Instruct-v0.1", "llama-3.3-70b"],
)
def test_a_key_whose_owner_is_not_plain_goes_to_nobody(name: str) -> None:
    with pytest.raises(UnknownModelError, match="Whose key is it"):
        MetaInferenceEngine(remote_params={"api_key": HAND}).infer("Hi", name)


def test_a_key_in_the_place_of_its_variables_name_is_not_shown() -> None:
    engine = MetaInferenceEngine(remote_params={"api_key_env_varname": "sk-secret-0123456789"})
    with pytest.raises(ValueError, match="name of an environment variable") as caught:
        engine.infer("Hi", "gpt-4o")
    assert "sk-secret" not in f"{caught.value} {engine!r} {engine._remote!r}"


def test_mock_mode_stands_in_for_an_address_as_well(inference_providers: Any) -> None:
    inference_providers.mock({"*": "mocked"})
    engine = MetaInferenceEngine(remote_params={"api_url": "http://127.0.0.1:9/v1", "api_key": "k-1"})
    assert last(engine.infer("Hi", "gpt-4o")[0]) == "mocked"


def test_a_server_on_this_machine_takes_a_key_by_hand(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def behave(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            connection.reply(200, {"data": [{"id": "mine", "owned_by": "vllm"}]})
        else:
            answer(connection, request)

    server = serve(behave)
    monkeypatch.setenv("VLLM_API_BASE", server.url)
    engine = MetaInferenceEngine(remote_params={"api_key": HAND})
    assert last(engine.infer("Hi", "vllm/mine")[0]) == "hello"
    assert {request.key for request in server.asked} == {HAND}


# What a call leaves out


def calling(way: str, remote: dict[str, Any]) -> dict[str, Any]:
    """Settings of a call, in each of the forms that `infer` takes."""
    return {
        "dict": {"remote_params": remote},
        "class": {"remote_params": RemoteParams(**remote)},
        "config dict": {"inference_config": {"remote_params": remote}},
        "config class": {"inference_config": InferenceConfig(remote_params=RemoteParams(**remote))},
        "dict in config class": {"inference_config": InferenceConfig(remote_params=remote)},  # type: ignore[arg-type]
    }[way]


WAYS = ["dict", "class", "config dict", "config class", "dict in config class"]
TUNING = [
    {},
    {"max_retries": 5},
    {"max_retries": 3},  # the default, written down
    {"num_workers": 2},
    {"connection_timeout": 30.0},
    {"use_adaptive_concurrency": False},
    {"api_url": None, "api_key": None, "api_key_env_varname": None, "num_workers": None},
]


@pytest.mark.parametrize("tuning", TUNING)
@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_only_tunes_keeps_the_engines_address_and_key(
    serve: Serve, openai_at: Any, way: str, tuning: dict[str, Any]
) -> None:
    cloud, mine = openai_at(serve()), serve()
    engine = MetaInferenceEngine(remote_params={"api_url": mine.url, "api_key": HAND})
    engine.infer("secret", "gpt-4o", **calling(way, tuning))
    assert (cloud.requests, [request.key for request in mine.requests]) == ([], [HAND])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", [{"api_key": HAND}, {"api_key_env_varname": "MY_SECRET"}])
def test_a_call_that_only_tunes_keeps_the_engines_key(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch, way: str, key: dict[str, Any]
) -> None:
    monkeypatch.setenv("MY_SECRET", HAND)
    server = openai_at(serve())
    MetaInferenceEngine(remote_params=key).infer("Hi", "gpt-4o", **calling(way, {"num_workers": 2}))
    assert [request.key for request in server.asked] == [HAND]


@pytest.mark.parametrize("way", WAYS)
def test_another_address_does_not_get_the_engines_key(serve: Serve, openai_at: Any, way: str) -> None:
    cloud, mine, another = openai_at(serve()), serve(), serve()
    engine = MetaInferenceEngine(remote_params={"api_url": mine.url, "api_key": HAND})
    engine.infer("Hi", "gpt-4o", **calling(way, {"api_url": another.url}))
    MetaInferenceEngine(remote_params={"api_key": HAND}).infer("Hi", "m", **calling(way, {"api_url": another.url}))
    assert [request.key for request in another.requests] == ["not-needed"] * 2
    assert (cloud.requests, mine.requests) == ([], [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["", "/", "/chat/completions"])
def test_the_same_address_named_again_gets_the_engines_key(serve: Serve, openai_at: Any, way: str, end: str) -> None:
    openai_at(serve())
    mine = serve()
    engine = MetaInferenceEngine(remote_params={"api_url": mine.url, "api_key": HAND})
    engine.infer("Hi", "gpt-4o", **calling(way, {"api_url": mine.url + end}))
    engine.infer(
        "Hi",
        "gpt-4o",
        {"remote_params": {"api_url": serve().url, "api_key": OTHER}},
        remote_params={"api_url": mine.url},
    )
    assert [request.key for request in mine.requests] == [HAND, HAND]


def test_a_key_of_the_call_goes_before_the_engines_whichever_way_each_is_given(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", OTHER)
    openai_at(serve())
    mine = serve()
    for first, second, sent in (
        ({"api_key": HAND}, {"api_key_env_varname": "MY_SECRET"}, OTHER),
        ({"api_key_env_varname": "MY_SECRET"}, {"api_key": HAND}, HAND),
    ):
        engine = MetaInferenceEngine(remote_params={"api_url": mine.url, **first})
        engine.infer("Hi", "gpt-4o", remote_params=second)
        assert mine.requests[-1].key == sent


def test_a_default_written_down_goes_before_the_engines_setting(serve: Serve) -> None:
    server = serve(status(500))
    quick = {"retry_backoff_base": 0.01, "retry_backoff_max": 0.02}
    engine = MetaInferenceEngine(remote_params={"api_url": server.url, "max_retries": 0, **quick})
    for remote, tries in (({"max_retries": 3}, 4), (RemoteParams(max_retries=3), 4), (RemoteParams(num_workers=1), 1)):
        server.requests.clear()
        with pytest.raises(AllProvidersFailedError):
            engine.infer("Hi", "m", remote_params=remote)
        assert len(server.asked) == tries


def test_settings_changed_after_they_were_made_count_as_given(serve: Serve, openai_at: Any) -> None:
    cloud, mine = openai_at(serve()), serve()
    remote = RemoteParams(num_workers=1)
    remote.api_url = mine.url
    MetaInferenceEngine().infer("Hi", "gpt-4o", remote_params=copy.deepcopy(remote))
    assert (cloud.requests, len(mine.requests)) == ([], 1)


@pytest.mark.parametrize("address", ["", " ", "localhost:8000", "https://me:pass@host/v1"])
def test_an_address_that_is_none_is_refused_and_nobody_asked(serve: Serve, openai_at: Any, address: str) -> None:
    cloud = openai_at(serve())
    with pytest.raises(ValueError, match="api_url must begin"):
        MetaInferenceEngine().infer("Hi", "gpt-4o", remote_params={"api_url": address})
    with pytest.raises(ValueError, match="api_url must begin"):
        MetaInferenceEngine(remote_params={"api_url": address})
    assert cloud.requests == []


@pytest.mark.parametrize("key", ["your-openai-key", "", "  ", "sk-...", "'quoted-0123456789'"])
@pytest.mark.parametrize("address", [False, True])
def test_a_key_by_hand_that_is_none_is_said_to_be_the_one_given(
    serve: Serve, openai_at: Any, key: str, address: bool
) -> None:
    server = openai_at(serve())
    remote = {"api_key": key, **({"api_url": server.url} if address else {})}
    if address and not key.strip():  # who writes so means a server that wants none
        MetaInferenceEngine(remote_params=remote).infer("Hi", "gpt-4o")
        assert server.requests[0].key == "not-needed"
        return
    with pytest.raises(NoCredentialsError, match=r"^The api_key given ") as caught:
        MetaInferenceEngine(remote_params=remote).infer("Hi", "gpt-4o")
    assert "OPENAI_API_KEY" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("address", [False, True])
def test_a_key_by_hand_that_is_refused_is_said_to_be_the_one_given(serve: Serve, openai_at: Any, address: bool) -> None:
    server = openai_at(serve(status(401, {"error": {"message": "bad key"}})))
    remote = {"api_key": HAND, **({"api_url": server.url} if address else {})}
    with pytest.raises(InferenceProvidersError, match="the key is the api_key given") as caught:
        MetaInferenceEngine(remote_params=remote).infer("Hi", "gpt-4o")
    assert "_KEY" not in str(caught.value)


def test_a_refusal_says_which_key_it_was_and_of_none_nothing(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = openai_at(serve(status(401, {"error": {"message": "bad key"}})))
    monkeypatch.setenv("MY_SECRET", HAND)
    for remote, said in (
        ({"api_key_env_varname": "MY_SECRET"}, "; the key is in MY_SECRET"),
        ({"api_key_env_varname": "MY_SECRET", "api_url": server.url}, "; the key is in MY_SECRET"),
        ({"api_url": server.url}, ""),
    ):
        with pytest.raises(InferenceProvidersError) as caught:
            MetaInferenceEngine(remote_params=remote).infer("Hi", "gpt-4o")
        assert str(caught.value).endswith(f"bad key (HTTP 401){said}")


def test_a_variable_that_holds_a_placeholder_is_named(serve: Serve, openai_at: Any, monkeypatch: Any) -> None:
    server = openai_at(serve())
    monkeypatch.setenv("MY_SECRET", "your-api-key")
    with pytest.raises(NoCredentialsError, match=r"^MY_SECRET holds a placeholder") as caught:
        MetaInferenceEngine(remote_params={"api_key_env_varname": "MY_SECRET"}).infer("Hi", "gpt-4o")
    assert (caught.value.variables, server.requests) == (["MY_SECRET"], [])


def test_a_server_here_that_is_given_no_key_by_hand_gets_none_of_the_environments(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda c, r: c.reply(200, {"data": [{"id": "mine", "owned_by": "vllm"}]})
                   if r.path.endswith("/models") else echo(c, r))  # fmt: skip
    monkeypatch.setenv("VLLM_API_BASE", server.url)
    monkeypatch.setenv("VLLM_API_KEY", ENVIRONMENTS)
    MetaInferenceEngine(remote_params={"api_key": "EMPTY"}).infer("Hi", "vllm/mine")
    assert [request.key for request in server.asked] == ["not-needed"]


@pytest.mark.parametrize("model", ["openai/gpt-4o", "groq/llama-3.3-70b", "vllm/m", "auto", "gpt-4o:cheapest", "a/b/c"])
def test_an_engines_address_holds_whatever_the_model_is_called(serve: Serve, openai_at: Any, model: str) -> None:
    cloud, mine = openai_at(serve()), serve()
    engine = MetaInferenceEngine(remote_params={"api_url": mine.url, "api_key": HAND})
    engine.infer({"messages": [{"role": "user", "content": "Hi"}], "model": "openai/gpt-4o"}, model)
    engine.infer("Hi", model, InferenceConfig(engine="OPENAI"))
    assert (cloud.requests, [request.json["model"] for request in mine.asked]) == ([], [model, model])
