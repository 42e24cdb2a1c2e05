"""Engines by name, and the classes of their settings: names, fields, defaults, what is refused and what is said."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import inference_providers
from inference_providers import (
    AnthropicInferenceEngine,
    Conversation,
    GenerationParams,
    GoogleVertexInferenceEngine,
    GuidedDecodingParams,
    InferenceConfig,
    InferenceEngineType,
    LlamaCppInferenceEngine,
    Message,
    MetaInferenceEngine,
    ModelParams,
    NativeTextInferenceEngine,
    NoCredentialsError,
    OpenAIInferenceEngine,
    RemoteInferenceEngine,
    RemoteParams,
    RemoteVLLMInferenceEngine,
    Role,
    VLLMInferenceEngine,
    build_inference_engine,
)
from inference_providers.batches import provider_jobs
from inference_providers.registry import bundled
from tests.batch_server import Jobs, bad, good
from tests.conftest import keys
from tests.servers import Server, completion, status

Serve = Callable[..., Server]
HAND = next(iter(keys(1).values()))


def listing(*names: str, owner: str = "vllm") -> Any:
    """A server that has these models, and answers."""

    def behave(connection: Any, request: Any) -> None:
        if request.path.endswith("/models"):
            connection.reply(200, {"object": "list", "data": [{"id": name, "owned_by": owner} for name in names]})
        else:
            connection.reply(200, completion("hello"))

    return behave


TALK = [Conversation(messages=[Message(role=Role.USER, content="Hi")])]


def test_there_is_a_class_for_every_kind() -> None:
    for kind in InferenceEngineType:
        engine = build_inference_engine(kind, ModelParams(model_name="m"))
        assert type(engine).__name__.endswith("InferenceEngine")
        assert type(engine).engine == kind
        assert getattr(inference_providers, type(engine).__name__) is type(engine)
    with pytest.raises(ValueError, match="there is no engine"):
        build_inference_engine("STEAM", ModelParams("m"))


def test_an_engine_needs_a_model() -> None:
    with pytest.raises(ValueError, match="model_name"):
        OpenAIInferenceEngine(ModelParams())
    with pytest.raises(TypeError, match="ModelParams"):
        OpenAIInferenceEngine("gpt-4o")  # type: ignore[arg-type]


def test_a_remote_engine_asks_the_given_address(serve: Serve) -> None:
    server = serve()
    engine = RemoteInferenceEngine(
        ModelParams(model_name="my-model"), remote_params=RemoteParams(api_url=server.url, api_key=HAND)
    )
    found = engine.infer(input=TALK, inference_config=InferenceConfig(generation=GenerationParams(max_new_tokens=9)))
    assert found[0].messages[-1].content == "hello"
    sent = server.asked[0].json
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("my-model", 9, 0.0)
    assert server.asked[0].key == HAND
    assert engine.infer_partial(TALK).successful[0][1][-1].content == "hello"


def test_a_remote_engine_without_an_address_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="api_url"):
        RemoteInferenceEngine(ModelParams("m")).infer(TALK)


def test_an_engine_is_pinned_to_its_provider(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    environ = {"OPENAI_API_KEY": HAND, "OPENAI_BASE_URL": server.url}
    OpenAIInferenceEngine(ModelParams("gpt-4o"), environ=environ, local=False).infer(TALK)
    assert server.asked[0].json["model"] == "gpt-4o"
    engine = AnthropicInferenceEngine(ModelParams("claude-sonnet-4.5"), remote_params=RemoteParams(api_key=HAND))
    made, called = engine._engine("claude-sonnet-4.5", engine._kind, engine._remote)
    assert {offer.provider for offer in made.candidates(called)} == {"anthropic"}


@pytest.mark.parametrize("kind", [VLLMInferenceEngine, RemoteVLLMInferenceEngine])
def test_a_vllm_engine_asks_the_server_here(serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    server = serve(listing("mine"))
    monkeypatch.setenv("VLLM_API_BASE", server.url)
    assert kind(ModelParams("mine")).infer(TALK)[0][-1].content == "hello"
    assert kind(ModelParams("mine")).list_models() == ["mine"]


def test_local_engines_are_kinds_of_servers_here() -> None:
    for kind, provider in ((NativeTextInferenceEngine, "transformers"), (LlamaCppInferenceEngine, "llama.cpp")):
        engine = kind(ModelParams("mine"))
        assert engine._lists.kind(engine.engine) == provider


def test_vertex_takes_its_project_and_region() -> None:
    engine = GoogleVertexInferenceEngine(
        ModelParams("gemini-2.5-pro"),
        project_id="my-project",
        region_env_key="MY_REGION",
        environ={"MY_REGION": "europe-west4"},
    )
    environ = engine._lists.environment()
    assert (environ["GOOGLE_VERTEX_PROJECT"], environ["GOOGLE_VERTEX_LOCATION"]) == ("my-project", "europe-west4")


def test_models_are_listed_without_what_is_not_for_chat(serve: Serve) -> None:
    server = serve(listing("b", "a", "text-embedding-3-small", "whisper-1"))
    engine = RemoteInferenceEngine(ModelParams("a"), remote_params=RemoteParams(api_url=server.url))
    assert engine.list_models() == ["a", "b"]
    assert engine.list_models(chat_only=False) == ["a", "b", "text-embedding-3-small", "whisper-1"]


# Defaults


def sent_by(serve: Serve, engine: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    server = serve()
    engine({"api_url": server.url})
    body: dict[str, Any] = server.asked[0].json
    return body


def test_a_class_brings_its_defaults_and_nothing_else_does(serve: Serve) -> None:
    by_class = sent_by(
        serve,
        lambda remote: MetaInferenceEngine(remote_params=remote).infer("q", "m", InferenceConfig()),
    )
    named = sent_by(serve, lambda remote: RemoteInferenceEngine(ModelParams("m"), remote_params=remote).infer("q"))
    plain = sent_by(serve, lambda remote: MetaInferenceEngine(remote_params=remote).infer("q", "m", {}))
    assert (by_class["max_tokens"], by_class["temperature"]) == (1024, 0.0)
    assert (named["max_tokens"], named["temperature"]) == (1024, 0.0)
    assert not {"max_tokens", "temperature", "frequency_penalty", "min_p"} & plain.keys()


def test_a_default_never_goes_before_what_somebody_has_set(serve: Serve) -> None:
    sent = sent_by(
        serve,
        lambda remote: MetaInferenceEngine(temperature=0.7, remote_params=remote).infer(
            "q", "m", InferenceConfig(generation=GenerationParams(top_p=0.5))
        ),
    )
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0.7, 0.5, 1024)
    sent = sent_by(
        serve,
        lambda remote: MetaInferenceEngine(remote_params=remote).infer(
            "q", "m", InferenceConfig(generation=GenerationParams(max_new_tokens=None))
        ),
    )
    assert "max_tokens" not in sent


def test_fields_and_defaults_are_those_that_people_know() -> None:
    generation = GenerationParams()
    assert (generation.max_new_tokens, generation.temperature, generation.batch_size) == (1024, 0.0, 1)
    assert (generation.min_p, generation.logit_bias, generation.num_beams, generation.parallel_tool_calls) == (
        0.0,
        {},
        1,
        True,
    )
    assert generation.exclude_prompt_from_response
    assert generation.skip_special_tokens
    assert not generation.use_cache
    assert not generation.use_sampling
    remote = RemoteParams()
    assert (remote.max_retries, remote.num_workers, remote.batch_completion_window) == (5, 1, "24h")
    assert (remote.politeness_policy, remote.use_adaptive_concurrency, remote.connection_timeout) == (0.0, True, 300.0)
    model = ModelParams(model_name="m")
    assert (model.torch_dtype_str, model.device_map, model.load_pretrained_weights) == ("auto", "auto", True)
    config = InferenceConfig()
    assert (config.generation, config.remote_params, config.input_path) == (GenerationParams(), None, None)
    assert GuidedDecodingParams().strict is False


WRONG: list[tuple[Any, dict[str, Any]]] = [
    (GenerationParams, {"batch_size": 0}),
    (GenerationParams, {"num_beams": 0}),
    (GenerationParams, {"temperature": -0.1}),
    (GenerationParams, {"top_p": 1.5}),
    (GenerationParams, {"min_p": -1}),
    (GenerationParams, {"logit_bias": {"a": 101}}),
    (GenerationParams, {"logit_bias": {1.5: 1}}),
    (GenerationParams, {"max_new_tokens": 0}),
    (GenerationParams, {"prompt_cache_ttl": "2h"}),
    (GenerationParams, {"guided_decoding": {"regex": "a", "choice": ["b"]}}),
    (GenerationParams, {"stop_strings": [1]}),
    (GenerationParams, {"stop_token_ids": ["a"]}),
    (GuidedDecodingParams, {"json": {"type": "object"}, "regex": "a"}),
    (GuidedDecodingParams, {"json": "{no JSON"}),
    (GuidedDecodingParams, {"json": 5}),
    (GuidedDecodingParams, {"choice": []}),
    (GuidedDecodingParams, {"choice": [1, 2]}),
    (RemoteParams, {"batch_completion_window": "tomorrow"}),
    (RemoteParams, {"use_adaptive_concurrency": "yes"}),
    (RemoteParams, {"num_workers": 0}),
    (RemoteParams, {"num_workers": 1.5}),
    (RemoteParams, {"max_retries": -1}),
    (RemoteParams, {"connection_timeout": -1}),
    (RemoteParams, {"retry_backoff_base": 0}),
    (RemoteParams, {"retry_backoff_base": 40}),
    (RemoteParams, {"requests_per_minute": 0}),
    (RemoteParams, {"input_tokens_per_minute": 0}),
    (RemoteParams, {"output_tokens_per_minute": 0}),
    (RemoteParams, {"politeness_policy": -1}),
    (RemoteParams, {"politeness_policy": float("inf")}),
    (RemoteParams, {"politeness_policy": float("nan")}),
    (RemoteParams, {"api_url": "nowhere"}),
    (ModelParams, {"model_max_length": -3}),
]


@pytest.mark.parametrize(("kind", "fields"), WRONG)
def test_what_cannot_be_is_refused_where_it_is_written(kind: Any, fields: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        kind(**fields)
    where = {GenerationParams: "generation", RemoteParams: "remote_params", ModelParams: "model"}.get(kind)
    if where:
        with pytest.raises((ValueError, TypeError)):
            InferenceConfig(**{where: fields})


@pytest.mark.parametrize("kind", [GenerationParams, RemoteParams, ModelParams, InferenceConfig, GuidedDecodingParams])
def test_settings_are_plain_dataclasses(kind: Any) -> None:
    made = kind()
    for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made)), dataclasses.replace(made)):
        assert other == made
    assert set(dataclasses.asdict(made)) == {row.name for row in dataclasses.fields(kind)}


def test_a_pydantic_model_guides(serve: Serve) -> None:
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str

    for strict in (False, True):
        guided = GuidedDecodingParams(json=Person, strict=strict)
        sent = sent_by(
            serve,
            lambda remote, guided=guided: MetaInferenceEngine(remote_params=remote, guided_decoding=guided).infer(
                "q", "m"
            ),
        )
        form = sent["response_format"]["json_schema"]
        assert form["schema"]["properties"]["name"]["type"] == "string"
        assert form["strict"] is strict


def test_what_cannot_be_honoured_is_said_once(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    config = InferenceConfig(
        generation=GenerationParams(num_beams=4, use_cache=True), model=ModelParams("m", adapter_model="lora")
    )
    engine = MetaInferenceEngine(remote_params={"api_url": serve().url})
    for _ in range(2):
        engine.infer("q", inference_config=config)
    said = [record.message for record in caplog.records if "cannot be honoured" in record.message]
    assert len(said) == 2
    assert "use_cache=True and num_beams=4" in said[0]
    assert "adapter_model='lora'" in said[1]


def test_further_settings_go_where_they_belong(serve: Serve) -> None:
    sent = sent_by(
        serve,
        lambda remote: MetaInferenceEngine(remote_params={**remote, "user_id": "u-1"}).infer(
            "q", inference_config={"model": {"model_name": "m", "chat_template_kwargs": {"enable_thinking": False}}}
        ),
    )
    assert (sent["user"], sent["chat_template_kwargs"]) == ("u-1", {"enable_thinking": False})


def test_limits_by_other_words_are_kept_to() -> None:
    remote = RemoteParams(input_tokens_per_minute=100, output_tokens_per_minute=50, politeness_policy=2.0)
    assert (remote.most_tokens(), remote.most_requests()) == (50, 30.0)
    assert (RemoteParams().most_tokens(), RemoteParams().most_requests()) == (None, None)


@pytest.mark.parametrize("code", [429, 500, 503, 529])
@pytest.mark.parametrize("retries", [0, 1, 2])
def test_retries_hold_for_every_failure(serve: Serve, code: int, retries: int) -> None:
    server = serve(status(code))
    remote = RemoteParams(
        api_url=server.url, max_retries=retries, retry_backoff_base=0.01, retry_backoff_max=0.02, connection_timeout=20
    )
    result = MetaInferenceEngine(remote_params=remote).infer_partial("q", "m")
    assert len(server.asked) == retries + 1
    assert result.failures[0].status_code == code


# Local first


def test_a_name_that_nobody_knows_goes_to_a_server_here(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(listing("mine"))
    monkeypatch.setenv("VLLM_API_BASE", server.url)
    for name in ("mine", "nobody-knows-7b"):
        MetaInferenceEngine().infer("q", name)
        assert server.asked[-1].json["model"] == name
    assert any("nobody knows 'nobody-knows-7b'" in record.message for record in caplog.records)


def test_open_weights_are_asked_here_before_they_are_asked_elsewhere(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here, cloud = serve(listing("meta-llama/Llama-3.3-70B-Instruct")), serve()
    row = {"name": "Mine", "connection": {"protocol": "openai", "endpoint": cloud.url, "api_key": ["MINE_API_KEY"]},
           "model_names": {"llama-3.3-70b": "llama"}}  # fmt: skip
    for base, asked in ((here.url, here), ("http://127.0.0.1:9/v1", cloud)):
        environ = {"MINE_API_KEY": HAND, "VLLM_API_BASE": base}
        MetaInferenceEngine(json_merge={"providers": {"mine": row}}, environ=environ).infer("q", "llama-3.3-70b")
        assert len(asked.asked) == 1
    assert [r.message for r in caplog.records if "is not on this machine; mine is asked for llama" in r.message]


@pytest.mark.parametrize(
    ("alias", "provider", "name"),
    [
        ("claude-4-5-sonnet-openrouter", "openrouter", "anthropic/claude-sonnet-4.5"),
        ("gpt-5-2-openrouter", "openrouter", "openai/gpt-5.2"),
        ("llama4-maverick-openrouter", "openrouter", "meta-llama/llama-4-maverick"),
    ],
)
def test_aliases_of_other_tools_mean_what_they_mean_there(serve: Serve, alias: str, provider: str, name: str) -> None:
    server = serve()
    environ = {"OPENROUTER_API_KEY": HAND, "OPENROUTER_API_BASE": server.url, "OPENAI_API_KEY": HAND}
    from inference_providers.compat.engine_call import Call

    call = Call(MetaInferenceEngine(environ=environ, local=False), alias, None, {})
    first = call.pipeline.finder.candidates(call.model)[0]
    assert (first.provider, first.internal_name) == (provider, name)


def test_every_name_for_training_a_model_means_that_model(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    from inference_providers.compat.cli_aliases import meant

    assert meant("gpt-oss-20b-lora")[0] == "gpt-oss-20b"
    assert meant("Phi4-Vision-LoRA")[0] == "microsoft/Phi-4-multimodal-instruct"
    assert meant("mine-lora") == ("mine-lora", "")
    assert meant("gpt-4o") == ("gpt-4o", "")
    MetaInferenceEngine(mock={"*": "mocked"}).infer("q", "gpt-oss-20b-lora")
    assert any("gpt-oss-20b itself is asked" in record.message for record in caplog.records)


def test_an_alias_at_an_address_by_hand_is_the_servers_own_name(serve: Serve) -> None:
    assert (
        sent_by(serve, lambda remote: MetaInferenceEngine(remote_params=remote).infer("q", "gpt2"))["model"] == "gpt2"
    )


def test_a_conversation_of_another_tool_is_sent_as_a_provider_takes_it(serve: Serve) -> None:
    server = serve()
    given = json.dumps(
        {
            "conversation_id": "c",
            "messages": [
                {
                    "id": "m-1",
                    "role": "user",
                    "content": [
                        {"type": "text", "content": "What is it?"},
                        {"type": "image_url", "content": "https://example.com/cat.png"},
                    ],
                }
            ],
        }
    )
    MetaInferenceEngine(remote_params={"api_url": server.url}).infer(Conversation.from_json(given), "m")
    assert server.asked[0].json["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
            ],
        }
    ]


# Providers' batch jobs


@pytest.fixture
def jobs(serve: Serve) -> tuple[Jobs, dict[str, Any]]:
    """A batch API, and an engine's settings for it."""
    api = Jobs(bundled().batch, looks=1)
    return api, {"api_url": serve(api).url, "api_key": HAND}


def test_a_job_is_started_looked_at_and_fetched(jobs: tuple[Jobs, dict[str, Any]]) -> None:
    api, remote = jobs
    asked = [Conversation([Message("user", f"q{n}")], f"c{n}", {"n": n}) for n in range(3)]
    engine = RemoteInferenceEngine(ModelParams("m"), remote_params=remote)
    job = engine.infer_batch(asked, {"generation": {"max_new_tokens": 7}})
    (lines,) = api.lines
    assert [line["custom_id"] for line in lines] == ["request-0", "request-1", "request-2"]
    assert [(line["body"]["model"], line["body"]["max_tokens"]) for line in lines] == [("m", 7)] * 3
    info = engine.get_batch_status(job)
    assert (info.id, info.is_terminal, info.status) == (job, False, "validating")
    with pytest.raises(RuntimeError, match="has not ended"):
        api.jobs[job]["left"] = 5
        engine.get_batch_results(job, asked)
    api.jobs[job]["left"] = 0
    found = engine.get_batch_results(job, asked)
    assert engine.get_batch_status(job).status == "completed"
    assert [len(talk) for talk in found] == [2, 2, 2]
    assert [(talk.conversation_id, talk.metadata["n"]) for talk in found] == [("c0", 0), ("c1", 1), ("c2", 2)]
    assert engine.get_batch_results_partial(job, asked).failed_indices == []


def test_a_job_that_has_failed_says_so(jobs: tuple[Jobs, dict[str, Any]]) -> None:
    api, remote = jobs
    api.status = "failed"
    engine = MetaInferenceEngine(remote_params=remote)
    job = engine.infer_batch(["q"], model_name="m")
    api.jobs[job]["left"] = 0
    with pytest.raises(RuntimeError, match="is failed"):
        engine.get_batch_results(job, ["q"], "m")


def fails(line: dict[str, Any]) -> bool:
    return bool(line["body"]["messages"][-1]["content"] == "BAD")


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_what_a_job_answered_before_its_end_is_had(jobs: tuple[Jobs, dict[str, Any]], status: str) -> None:
    api, remote = jobs
    api.failing, api.status = fails, status
    api.result = lambda line: bad(line) if fails(line) else good(line)
    engine = RemoteInferenceEngine(ModelParams("m"), remote_params=remote)
    job = engine.infer_batch(["q0", "BAD", "q2"])
    api.jobs[job]["left"] = 0
    found = engine.get_batch_results_partial(job, ["q0", "BAD", "q2"])
    assert [(index, talk.messages[-1].content) for index, talk in found.successful] == [(0, "re: q0"), (2, "re: q2")]
    assert found.failed_indices == [1]
    with pytest.raises(RuntimeError, match=status) as caught:  # whose rest nobody has asked for elsewhere
        engine.get_batch_results(job, ["q0", "BAD", "q2"])
    assert [index for index, _ in caught.value.__dict__["inference_result"].successful] == [0, 2]


def test_one_that_fails_in_a_job_does_not_take_the_others_answers(
    jobs: tuple[Jobs, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_jobs, "POLL", (0.01, 0.01))
    api, remote = jobs
    api.failing = fails
    api.result = lambda line: bad(line) if fails(line) else good(line)
    engine = RemoteInferenceEngine(ModelParams("m"), remote_params={**remote, "batch_completion_window": "24h"})
    out = tmp_path / "out.jsonl"
    result = engine.infer_partial(["q0", "BAD", "q2"], output_path=str(out))
    assert ([index for index, _ in result.successful], result.failed_indices) == ([0, 2], [1])
    assert "your prompt is bad" in result.error_messages[1]
    written = [Conversation.from_json(line) for line in out.read_text().splitlines()]
    assert [talk.messages[-1].content for talk in written] == ["re: q0", "re: q2"]
    kept = engine.infer(["q0", "BAD", "q2"], output_path=str(out), on_error="keep")
    assert [talk.messages[-1].content for talk in kept] == ["re: q0", "BAD", "re: q2"]
    assert "your prompt is bad" in kept[1].metadata["error"]["message"]


def test_a_conversation_that_cannot_be_asked_starts_no_job(jobs: tuple[Jobs, dict[str, Any]]) -> None:
    api, remote = jobs
    with pytest.raises(ValueError, match="item 1"):
        MetaInferenceEngine(remote_params=remote).infer_batch(["q", Conversation()], model_name="m")
    with pytest.raises(ValueError, match="nothing to ask"):
        MetaInferenceEngine(remote_params=remote).infer_batch([], model_name="m")
    assert api.jobs == {}


def test_where_there_is_no_batch_api_it_is_said() -> None:
    with pytest.raises(NoCredentialsError, match="no batch API"):
        MetaInferenceEngine(environ={"CEREBRAS_API_KEY": HAND}, local=False).infer_batch(
            ["q"], model_name="cerebras/gpt-oss-120b"
        )


def test_a_job_is_cancelled(jobs: tuple[Jobs, dict[str, Any]]) -> None:
    _, remote = jobs
    engine = RemoteInferenceEngine(ModelParams("m"), remote_params=remote)
    assert engine.cancel_batch(engine.infer_batch(["q"])).status == "cancelling"
