"""Programs written for versions 0.2 of this package: their words and methods work, their `None` when it is asked for."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    NoCredentialsError,
    ProviderList,
    UnknownModelError,
)
from inference_providers.clients import version_0_2
from tests.conftest import ROOT, keys, list_of, places, registry_of
from tests.servers import Connection, Received, Server, answer

Serve = Callable[..., Server]
PAGE = "docs/moving.md"

# A program of then: what its README and its tests did, in other words and with other models.
PROGRAM = """
from inference_providers.inference_providers import ProviderList
providers = ProviderList(False, None, MERGE, False)

print(providers.get_canonical_names_in_use())
for provider, url, canonical, internal, key in providers.find_all_model_providers():
    client = providers.connect_to_model_endpoint(url, key, internal, verify=False)
    print(provider, canonical, internal, providers.get_response(client, internal, "Knock knock.") if client else "-")

client, name = providers.connect_to_model("no-such-model-70b", verify=True)
print(client, name, providers.get_response(client, name, "How do chickens work?"))

client, name = providers.connect_to_model("m", choose_randomly=True, verify=True)
if client:
    reply = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Hi"}])
    print(reply.choices[0].message.content)

client, name = providers.connect_to_first_available_model(["no-such-model-70b", "m"], verify=True)
print(bool(client), name)
client, name = providers.connect_to_ai()
print(providers.get_response(client, name, "What's your sign?"))
"""


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**places(), "PYTHONPATH": str(ROOT), **environ},
        capture_output=True, text=True, check=False, timeout=60, cwd=ROOT,
    )  # fmt: skip


def registry(server: Server) -> str:
    return json.dumps(registry_of(server.url))


def program(server: Server) -> str:
    """The program, with its own list of providers, which then was JSON text."""
    return PROGRAM.replace("False, None, MERGE", f"False, {registry(server)!r}, None")


def test_a_program_of_then_runs_to_its_end(serve: Serve) -> None:
    server = serve()
    done = run(program(server), INFERENCE_PROVIDERS_COMPAT="0.2", **keys(1))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "['m']", "p1 m m-internal hello", "None None None", "hello", "True m-internal", "hello",
    ]  # fmt: skip
    assert {request.key for request in server.asked} == {keys(1)["P1_API_KEY"]}
    systems = [request.json["messages"][0] for request in server.asked if len(request.json["messages"]) > 1]
    assert systems == [{"role": "system", "content": "Just play along"}] * 2


def test_without_a_word_it_ends_with_an_error_that_names_the_page(serve: Serve) -> None:
    done = run(program(serve()), **keys(1))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == version_0_2.HINT
    assert PAGE in version_0_2.HINT
    assert (ROOT / PAGE).exists()


@pytest.mark.parametrize("how", ["compat", "environ"])
@pytest.mark.parametrize(
    "call",
    [
        lambda providers: providers.connect_to_model("m"),
        lambda providers: providers.connect_to_model("no-such-model-70b", verify=True),
        lambda providers: providers.connect_to_first_available_model(["no-such-model-70b", "m"], test=False),
        lambda providers: providers.connect_to_first_available_model([]),
        lambda providers: providers.connect_to_ai(),
    ],
)
def test_nobody_is_none_and_none_where_it_is_asked_for(how: str, call: Callable[[Any], Any]) -> None:
    for options in ({"environ": {}}, {"environ": keys(1)}):  # without a key; with one for a server that is away
        options = {"json_override": registry_of("http://127.0.0.1:9/v1"), "local": False, **options}
        if how == "compat":
            options["compat"] = "0.2"
        else:
            options["environ"] = {**options["environ"], "INFERENCE_PROVIDERS_COMPAT": "0.2"}
        assert call(ProviderList(**options)) == (None, None)


def test_asyncio_has_it_as_well(serve: Serve) -> None:
    async def ask() -> tuple[Any, Any, Any]:
        made = list_of(serve().url, kind=AsyncProviderList, compat="0.2")
        client, name = await made.connect_to_model("m", verify=True)
        said = await made.get_response(client, name, "Hi")
        return await made.connect_to_model("no-such-model-70b"), said, await made.get_response(None, None, "Hi")

    assert asyncio.run(ask()) == ((None, None), "hello", None)


def test_what_is_connected_is_a_tuple_then_and_a_connection_now(serve: Serve) -> None:
    server = serve()
    assert type(list_of(server.url, compat="0.2").connect_to_model("m")) is tuple
    assert list_of(server.url).connect_to_model("m").provider == "p1"


def test_an_answer_that_fails_is_none_then_and_an_error_with_the_page_now(serve: Serve) -> None:
    def broken(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            answer(connection, request)
        else:
            connection.reply(500, {"error": {"message": "no"}})

    server = serve(broken)
    older, newer = list_of(server.url, compat="0.2"), list_of(server.url)
    client, name = older.connect_to_model("m")
    assert older.get_response(client, name, "Hi") is None
    with pytest.raises(Exception, match="p1") as caught:
        newer.get_response(client, name, "Hi")
    assert caught.value.__notes__ == [version_0_2.HINT]


def test_why_there_is_none_is_told_on_request(caplog: pytest.LogCaptureFixture) -> None:
    made = ProviderList(verbose=True, compat="0.2", environ={}, local=False)
    assert made.connect_to_model("gpt-4") == (None, None)
    assert "OPENAI_API_KEY" in caplog.text


def test_a_program_that_breaks_is_not_none(serve: Serve) -> None:
    with pytest.raises(KeyboardInterrupt):
        list_of(serve().url, compat="0.2").get_response(_Interrupted(), "m", "Hi")


class _Interrupted:
    @property
    def chat(self) -> Any:
        raise KeyboardInterrupt


# Where no way back is asked for


@pytest.mark.parametrize("error", [UnknownModelError, NoCredentialsError, AllProvidersFailedError])
def test_an_error_names_the_page_in_the_traceback_and_with_words_of_then_in_its_message(error: Any) -> None:
    name = "no-such-model-70b" if error is UnknownModelError else "m"
    environ = keys(1) if error is AllProvidersFailedError else {}
    made = away(environ)
    with pytest.raises(error) as caught:
        made.connect_to_model(name)
    assert PAGE not in str(caught.value)
    assert PAGE in "".join(traceback.format_exception(caught.value))
    with pytest.raises(error, match=PAGE), pytest.warns(DeprecationWarning):
        made.connect_to_model(name, verify=True)


def away(environ: dict[str, str]) -> Any:
    return ProviderList(json_override=registry_of("http://127.0.0.1:9/v1"), environ=environ, local=False)


def test_verify_is_test(serve: Serve) -> None:
    def mute(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            answer(connection, request)
        else:
            connection.reply(500, {"error": {"message": "no"}})

    made = list_of(serve(mute).url)
    with pytest.warns(DeprecationWarning, match=PAGE) as seen:
        made.connect_to_model("m", verify=False)
    assert Path(seen[0].filename) == Path(__file__)
    for call in (made.connect_to_model, lambda *a, **k: made.connect_to_first_available_model(["m"], **k)):
        with pytest.raises(Exception, match="HTTP 500"), pytest.warns(DeprecationWarning):
            call("m", verify=True)


@pytest.mark.parametrize("verify", [True, False])
def test_a_question_takes_verify_as_well(serve: Serve, verify: bool) -> None:
    made, older = list_of(serve().url), {"verify": verify}
    with pytest.warns(DeprecationWarning, match="verify= is test= now") as seen:
        assert made.ask_ai("Hi", "m", **older) == "hello"
    assert Path(seen[0].filename) == Path(__file__)
    with pytest.warns(DeprecationWarning, match="verify= is test= now"):
        assert "".join(made.stream("Hi", "m", **older)) == "hello"
    assert list_of(serve().url, compat="0.2").ask_ai("Hi", "m", **older) == "hello"


@pytest.mark.parametrize(("how", "version"), [("compat", "0.3"), ("compat", "1"), ("environ", "yes")])
def test_another_version_is_refused(how: str, version: str) -> None:
    given: Any = {"compat": version} if how == "compat" else {"environ": {"INFERENCE_PROVIDERS_COMPAT": version}}
    with pytest.raises(ValueError, match=r'"0\.2"'):
        ProviderList(**given)


@pytest.mark.parametrize("version", ["0.2", "0.2.3", " 0.2 "])
def test_any_release_of_it_will_do(version: str) -> None:
    assert ProviderList(environ={"INFERENCE_PROVIDERS_COMPAT": version}).compat
    assert not ProviderList(environ={"INFERENCE_PROVIDERS_COMPAT": ""}).compat
    assert not ProviderList(environ={}).compat


# Arguments and methods


def test_the_order_of_arguments_was_another(serve: Serve) -> None:
    patch = {"providers": {"mine": registry_of(serve().url)["providers"]["p1"]}}
    for third in (json.dumps(patch), patch):
        for more in ((), (False,)):
            made = ProviderList(False, None, third, *more, environ=keys(1), local=False)  # type: ignore[arg-type]
            assert [offer.provider for offer in made.find_model_providers("m")] == ["mine"]
    assert ProviderList(
        False, json.dumps(registry_of("http://127.0.0.1:9/v1")), None, False
    ).registry.providers.keys() == {"p1"}
    with pytest.raises(TypeError, match="without their names"):
        ProviderList(False, None, None, False, True)


def test_find_model_providers_without_a_name_lists_what_every_provider_has(serve: Serve) -> None:
    data = registry_of("http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1")
    data["providers"]["p1"]["model_names"]["z"] = "z-1"
    made = ProviderList(json_override=data, environ=keys(2), local=False)
    for found in (made.find_model_providers(), made.find_all_model_providers()):
        assert [(offer.provider, offer.canonical_name) for offer in found] == [("p1", "m"), ("p1", "z"), ("p2", "m")]
    assert ProviderList(json_override=data, environ={}, local=False).find_model_providers() == []
    with pytest.raises(UnknownModelError):
        made.find_model_providers("no-such-model-70b")
    assert ProviderList(json_override=data, compat="0.2", local=False).find_model_providers("no-such-model-70b") == []


def test_an_endpoint_by_hand_gets_its_key_and_nothing_else(serve: Serve) -> None:
    server = serve()
    made = ProviderList(environ={"OPENAI_API_KEY": keys(2)["P2_API_KEY"]}, local=False)
    client = made.connect_to_model_endpoint(server.url, keys(1)["P1_API_KEY"], "any-model", verify=True)
    assert made.get_response(client, "any-model", "Hi") == "hello"
    assert {request.key for request in server.asked} == {keys(1)["P1_API_KEY"]}
    with pytest.raises(AllProvidersFailedError, match=PAGE):
        made.connect_to_model_endpoint("http://127.0.0.1:9/v1", keys(1)["P1_API_KEY"], "any-model", verify=True)
    openais = made.connect_to_model_endpoint("", keys(1)["P1_API_KEY"], "gpt-4")
    assert str(openais.base_url).startswith("https://api.openai.com/v1")
    older = ProviderList(environ={}, local=False, compat="0.2")
    assert older.connect_to_model_endpoint("http://127.0.0.1:9/v1", "k-0123456789", "any-model", verify=True) is None


def test_keys_are_those_of_providers_and_are_not_shown() -> None:
    environ = {"OPENAI_API_KEY": keys(1)["P1_API_KEY"], "MY_OWN_SECRET": "s" * 30}
    found = ProviderList(environ=environ, local=False).detect_local_api_keys()
    assert found == [environ["OPENAI_API_KEY"]]
    assert repr(found) == "['[key]']"


def test_servers_here_are_ports_and_connections(serve: Serve) -> None:
    def ollama(connection: Connection, request: Received) -> None:
        rows = [{"id": "llama3.1:8b", "owned_by": "library"}]
        connection.reply(200, "Ollama is running" if request.path == "/" else {"data": rows})

    server = serve(ollama)
    made = ProviderList(environ={"OLLAMA_HOST": f"127.0.0.1:{server.port}"})
    assert server.port in made.detect_local_endpoints()
    found = made.detect_local_connections(refresh_cache=True)
    assert found["llama-3.1-8b"] == ("openai", f"http://127.0.0.1:{server.port}/v1", "llama3.1:8b", "not-needed")


@pytest.mark.parametrize(
    ("internal", "names", "wanted"),
    [
        ("models/Mixtral-8x7B-Instruct-v0.1", ["mixtral-8x7b", "mistral-7b"], "mixtral-8x7b"),
        ("my-gpt-4:latest", ["gpt-4", "gpt-3.5"], "gpt-4"),
        ("nothing", ["gpt-4"], None),
        ("", [], None),
    ],
)
def test_a_name_is_matched_with_those_that_are_given(internal: str, names: list[str], wanted: str | None) -> None:
    assert ProviderList(environ={}, local=False).fuzzy_match_model_name(internal, names) == wanted


def test_fields_can_be_read() -> None:
    made = ProviderList(json_override=registry_of("http://127.0.0.1:9/v1"), environ={}, local=False)
    assert made.config["auto_model_priority"] == ["m"]
    assert made.provider_info["p1"]["model_names"] == {"m": "m-internal"}
    assert made.cached_clients == {}
    assert made.get_canonical_names_in_use() == ["m"]


def test_what_was_never_there_is_not_there_and_asyncio_has_none_of_it() -> None:
    for made, name in ((ProviderList(environ={}), "nothing"), (AsyncProviderList(environ={}), "provider_info")):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(made, name)


def test_the_newest_list_is_text_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_URL", "http://127.0.0.1:9/none.json")
    assert "openai" in ProviderList.get_updated_provider_list(verbose=True)["providers"]
    assert "providers" in caplog.text
    monkeypatch.setenv("INFERENCE_PROVIDERS_COMPAT", "0.2")
    text: Any = ProviderList.get_updated_provider_list()
    assert "openai" in json.loads(text)["providers"]
