"""Keys: where they are found, what is no key, and where each may go."""

from __future__ import annotations

import json
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import MetaInferenceEngine, NoCredentialsError, ProviderList, RegistryError, UnknownModelError
from inference_providers.credentials.hosts import host_of, is_loopback
from inference_providers.credentials.keys import near_misses, refusal
from inference_providers.credentials.pins import Pins
from inference_providers.credentials.trust import restrained
from inference_providers.registry.registry import Registry, bundled
from tests.conftest import registry_of
from tests.servers import Server, answer

CANARY = "canary-3f9c1e7a5b8d2046"


@pytest.mark.parametrize(
    "value",
    ["", "   ", "\n", '""', "''", '"sk-real"', "your-api-key", "your_openai_key", "YOUR-API-CANARY-HERE", "<your key>", "sk-...", "sk-xxxxxxxx", "sk-****", "changeme", "CHANGE_ME", "xxx", "XXXXXXXX", "none", "null", "TODO", "...", "${OPENAI_API_KEY}", "$CANARY", "insert-key-here", "replace-me", "{{ key }}", "with blank", "täst"],
)  # fmt: skip
def test_placeholders_are_not_keys(value: str) -> None:
    assert refusal(value)
    providers = ProviderList(environ={"OPENAI_API_KEY": value}, local=False)
    assert providers.find_model_providers("gpt-4") == []


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-abc123",
        "gsk_1",
        "test",
        "k",
        "AIzaSyD-9tSrke72",
        " sk-padded \n",
        "key-with-xxx-inside",
        "hf_abc",
        "none-of-your-business-1",
    ],
)
def test_what_may_be_a_key_is_taken_without_surrounding_blanks(value: str) -> None:
    (offer,) = ProviderList(environ={"OPENAI_API_KEY": value}, local=False).find_model_providers("gpt-4")
    assert offer.api_key == value.strip()


def test_the_first_variable_that_holds_a_key_wins() -> None:
    environ = {"GEMINI_API_KEY": "your-key", "GOOGLE_API_KEY": CANARY, "GOOGLE_GENERATIVE_AI_API_KEY": "other"}
    (offer,) = ProviderList(environ=environ, local=False).find_model_providers("gemini-4-argon")
    assert (offer.variable, offer.api_key) == ("GOOGLE_API_KEY", CANARY)


def test_two_providers_may_share_a_variable() -> None:
    found = ProviderList(environ={"ZHIPU_API_KEY": CANARY}, local=False).find_model_providers("glm-5.2")
    hosts = {host_of(offer.endpoint) for offer in found}
    assert {"api.z.ai", "open.bigmodel.cn"} <= hosts
    assert {offer.api_key for offer in found} == {CANARY}


def test_several_keys_give_several_offers_in_registry_order() -> None:
    environ = {"OPENROUTER_API_KEY": "c", "GROQ_API_KEY": "a", "TOGETHER_API_KEY": "b"}
    found = ProviderList(environ=environ, local=False).find_model_providers("llama-3.3-70b")
    assert [offer.provider for offer in found if not offer.doubtful] == ["groq", "openrouter"]
    assert {offer.provider for offer in found} == {"groq", "together", "openrouter"}


@pytest.mark.parametrize(
    ("variable", "model", "provider"),
    [("GITHUB_TOKEN", "claude-haiku-5.5", "github-copilot"), ("HF_TOKEN", "llama-3.3-70b", "huggingface")],
)
def test_a_general_purpose_token_is_used_only_when_its_provider_is_named_or_allowed(
    variable: str, model: str, provider: str
) -> None:
    environ = {variable: CANARY}
    assert ProviderList(environ=environ, local=False).find_model_providers(model) == []
    assert [
        o.provider for o in ProviderList(environ=environ, local=False, allow=[provider]).find_model_providers(model)
    ] == [provider]
    by_environment = {**environ, "INFERENCE_PROVIDERS_ALLOW": f"nobody, {provider}"}
    assert [o.provider for o in ProviderList(environ=by_environment, local=False).find_model_providers(model)] == [
        provider
    ]
    named = ProviderList(environ=environ, local=False).find_model_providers(f"{provider}/{model}")
    assert [(o.provider, o.api_key) for o in named] == [(provider, CANARY)]
    reasons = {o.reason for o in ProviderList(environ=environ, local=False).explain(model) if o.provider == provider}
    assert reasons == {f"{variable} is a general-purpose token; name the provider or allow it"}


def test_a_key_is_in_no_repr_str_or_pickle() -> None:
    providers = ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False)
    (offer,) = providers.find_model_providers("gpt-4")
    explanation = providers.explain("gpt-4")
    for shown in (
        repr(offer),
        str(offer),
        f"{offer}",
        repr([offer]),
        repr(explanation),
        str(explanation),
        repr(providers),
        repr(providers.resolve("gpt-4")),
    ):
        assert CANARY not in shown
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(offer)


def test_an_account_host_is_filled_in_from_a_value_of_the_right_form() -> None:
    environ = {"AZURE_OPENAI_API_KEY": CANARY, "AZURE_RESOURCE_NAME": "my-resource"}
    (offer,) = ProviderList(environ=environ, local=False).find_model_providers("azure/gpt-4o")
    assert offer.endpoint == "https://my-resource.openai.azure.com/openai/v1"


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        (
            {"AZURE_OPENAI_API_KEY": CANARY, "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/"},
            "mine.openai.azure.com",
        ),
        ({"AZURE_API_KEY": CANARY, "AZURE_API_BASE": "https://mine.openai.azure.com"}, "mine.openai.azure.com"),
        ({"AZURE_API_KEY": CANARY, "AZURE_API_BASE": "https://evil.example"}, None),
        (
            {"AWS_BEARER_TOKEN_BEDROCK": CANARY, "AWS_DEFAULT_REGION": "eu-central-1"},
            "bedrock-mantle.eu-central-1.api.aws",
        ),
        ({"AWS_BEARER_TOKEN_BEDROCK": CANARY, "AWS_REGION_NAME": "eu-west-1"}, "bedrock-mantle.eu-west-1.api.aws"),
        ({"AWS_BEARER_TOKEN_BEDROCK": CANARY, "AWS_DEFAULT_REGION": "mars"}, None),
    ],
)
def test_what_other_tools_call_the_place_counts(environ: dict[str, str], host: str | None) -> None:
    """A European's text does not go to America because a variable has the name that the AWS command line gives it."""
    name = "bedrock/gpt-oss-120b" if "AWS_BEARER_TOKEN_BEDROCK" in environ else "azure/gpt-4o"
    found = ProviderList(environ=environ, local=False).find_model_providers(name)
    assert [host_of(offer.endpoint) for offer in found] == ([host] if host else [])


@pytest.mark.parametrize(
    "value",
    [
        "evil.example/",
        "evil.example#",
        "a@evil.example",
        "evil.example/x?",
        "a.b",
        "x\ny",
        "evil.example:443/",
        "..",
        "",
        "-",
        "a" * 200,
    ],
)
def test_no_value_of_a_setting_moves_a_key_to_another_host(value: str) -> None:
    environ = {"AZURE_OPENAI_API_KEY": CANARY, "AZURE_RESOURCE_NAME": value}
    providers = ProviderList(environ=environ, local=False)
    assert providers.find_model_providers("azure/gpt-4o") == []


@given(st.text(max_size=60))
def test_whatever_a_setting_holds_the_host_stays_the_owners(value: str) -> None:
    environ = {
        "AZURE_OPENAI_API_KEY": CANARY,
        "AZURE_RESOURCE_NAME": value,
        "DATABRICKS_TOKEN": CANARY,
        "DATABRICKS_HOST": value,
    }
    providers = ProviderList(environ=environ, local=False)
    from urllib3.util import parse_url

    for name in ("azure/gpt-4o", "databricks/gpt-5.5"):
        for offer in providers.find_model_providers(name):
            assert str(parse_url(offer.endpoint).host).endswith(
                (".openai.azure.com", ".databricks.com", ".azuredatabricks.net")
            )


def test_openai_base_url_moves_the_openai_key_alone() -> None:
    environ = {"OPENAI_API_KEY": CANARY, "GROQ_API_KEY": "groq-key", "OPENAI_BASE_URL": "https://proxy.example/v1/"}
    providers = ProviderList(environ=environ, local=False)
    assert [o.endpoint for o in providers.find_model_providers("gpt-4")] == ["https://proxy.example/v1"]
    assert [o.endpoint for o in providers.find_model_providers("groq/llama-3.3-70b")] == [
        "https://api.groq.com/openai/v1"
    ]


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example/v1",
        "http://api.openai.com/v1",
        "http://127.0.0.1:9/v1",
        "https://api.openai.com.evil.example/v1",
        "https://api.openai.com:8443/v1",
    ],
)
def test_an_override_cannot_send_a_pinned_key_elsewhere(endpoint: str) -> None:
    data = {
        "providers": {
            "openai": {"connection": {"endpoint": endpoint, "api_key": "OPENAI_API_KEY"}, "model_names": {"m": "m"}}
        }
    }
    for how in ("json_override", "json_merge"):
        with pytest.raises(RegistryError, match="OPENAI_API_KEY") as caught:
            ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False, **{how: data})
        assert host_of(endpoint) in str(caught.value)
        assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_trust_in_code_lets_a_pinned_key_go_elsewhere() -> None:
    data = {
        "providers": {
            "mine": {
                "connection": {"endpoint": "https://proxy.example/v1", "api_key": "OPENAI_API_KEY"},
                "model_names": {"m": "m"},
            }
        }
    }
    providers = ProviderList(
        json_override=data, environ={"OPENAI_API_KEY": CANARY}, local=False, trust={"OPENAI_API_KEY": ["proxy.example"]}
    )
    assert [tuple(offer) for offer in providers.find_model_providers("m")] == [
        ("mine", "https://proxy.example/v1", "m", "m", CANARY)
    ]


def test_an_override_may_use_variables_of_its_own_wherever_it_likes() -> None:
    providers = ProviderList(
        json_override=registry_of("http://127.0.0.1:1/v1"), environ={"P1_API_KEY": CANARY}, local=False
    )
    assert providers.find_model_providers("m")[0].api_key == CANARY


def test_a_local_row_gets_no_cloud_key() -> None:
    data = {
        "providers": {
            "ollama": {
                "connection": {"endpoint": "http://127.0.0.1:11434/v1", "api_key": ["OPENAI_API_KEY"], "local": True}
            }
        }
    }
    with pytest.raises(RegistryError, match="OPENAI_API_KEY"):
        ProviderList(json_override=data, environ={"OPENAI_API_KEY": CANARY})


def test_a_local_row_takes_over_no_cloud_key(serve: Callable[..., Server]) -> None:
    server = serve(lambda c, r: c.reply(200, "Ollama is running") if r.path == "/" else answer(c, r))
    local = {"address": ["OLLAMA_HOST"], "fingerprint": [{"path": "/", "contains": "Ollama is running"}]}
    environ = {"OPENAI_API_KEY": CANARY, "OLLAMA_HOST": f"127.0.0.1:{server.port}"}
    rows = (
        {"openai": {"connection": {"local": local}}},
        {
            "mine": {
                "connection": {"endpoint": "https://api.openai.com/v1", "api_key": "OPENAI_API_KEY", "local": local}
            }
        },
    )
    for row in rows:
        with pytest.raises(RegistryError, match="OPENAI_API_KEY"):
            ProviderList(json_merge={"providers": row}, environ=environ)
    assert server.requests == []


def test_no_key_becomes_part_of_an_address() -> None:
    for endpoint in ("http://127.0.0.1:9/${OPENAI_API_KEY}/v1", "https://${OPENAI_API_KEY}.evil.example/v1"):
        row = {
            "connection": {
                "endpoint": endpoint,
                "api_key": "OWN_KEY",
                "variables": {"OPENAI_API_KEY": {"pattern": ".+"}},
            }
        }
        with pytest.raises(RegistryError, match="OPENAI_API_KEY is a key and cannot be part of an address"):
            ProviderList(json_merge={"providers": {"x": row}}, environ={"OPENAI_API_KEY": CANARY})


@pytest.mark.parametrize("alias", ["github-models/openai/gpt-4.1", "huggingface/Qwen/Qwen3-8B", "github:gpt-4o"])
def test_a_downloaded_alias_cannot_lead_to_a_general_purpose_token(alias: str) -> None:
    update = {**bundled().data, "aliases": {"gpt-9": alias}, "families": [["gpt-", "github-models"]]}
    update["providers"] = {
        pid: {**row, "aliases": ["gemini"]} if pid == "github-models" else row
        for pid, row in update["providers"].items()
    }
    registry = Registry(restrained(update, bundled(), Pins(bundled())))
    assert alias not in registry.aliases.values()
    assert registry.families == bundled().families
    assert registry.provider_id("gemini") == "google"


def test_what_holds_a_key_cannot_be_pickled() -> None:
    providers = ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False)
    (offer,) = providers.find_model_providers("gpt-4")
    for holder in (
        providers,
        offer,
        offer._access,
        offer._access.credential,
        providers.pipeline.finder.accesses,
        providers.pipeline.finder.environ,
    ):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(holder)


def test_every_pinned_variable_may_go_to_its_own_providers() -> None:
    pins = Pins(bundled())
    for provider in bundled().providers.values():
        if "$" in provider.endpoint or not provider.endpoint:
            continue
        for variable in provider.key_variables:
            assert pins.allows(variable, provider.endpoint), (provider.id, variable)


def test_hosts_are_read_as_http_libraries_read_them() -> None:
    assert host_of("https://user:secret@Host.Example:8080/path?x#y") == "host.example:8080"
    assert host_of("https://good.example\\@evil.example/") == "good.example"
    assert not Pins(bundled()).allows("OPENAI_API_KEY", "https://api.openai.com\\@evil.example/v1")
    assert not Pins(bundled()).allows("OPENAI_API_KEY", "https://x@api.openai.com/v1")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1:80", True),
        ("localhost:1", True),
        ("[::1]:5", True),
        ("127.0.0.1.evil.example", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("127.1", True),
        ("2130706433:80", True),
        ("0x7f000001", True),
        ("localhost.", True),
        ("0.0.0.0", True),
        ("[::ffff:127.0.0.1]", True),
        ("abc.de", False),
    ],
)
def test_loopback_is_told_from_lookalikes(host: str, here: bool) -> None:
    assert is_loopback(host) is here


def test_near_misses_are_told_by_name_alone() -> None:
    known = ["OPENAI_API_KEY", "GROQ_API_KEY", "ANTHROPIC_API_KEY"]
    environ = {
        "OPENAI_APIKEY": "x",
        "ANTHROPIC_API_KEYS": "x",
        "HOME_TOKEN": "x",
        "PATH": "x",
        "GROQ_API_KEY": "x",
        "openai_api_key": "x",
    }
    assert near_misses(known, environ) == {
        "OPENAI_APIKEY": "OPENAI_API_KEY",
        "ANTHROPIC_API_KEYS": "ANTHROPIC_API_KEY",
        "openai_api_key": "OPENAI_API_KEY",
    }


# Where a key may go is decided on the URL that is about to be sent


@pytest.fixture
def everywhere(serve: Any, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A listener that stands for every host there is."""
    import socket

    server: Server = serve()
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1", server.port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return server


@pytest.mark.parametrize(
    "path", [".evil.example:{port}/files", "@evil.example/files", ":{port}/files", "\\.evil.example/files", "files"]
)
@pytest.mark.parametrize("row", ["upload", "create", "poll", "download"])
def test_rows_that_make_paths_cannot_continue_the_host(path: str, row: str, everywhere: Server, tmp_path: Any) -> None:
    rows = {row: path.format(port=everywhere.port)}
    for merged in (
        {"providers": {"openai": {"connection": {"endpoint": "https://api.openai.com", "batch": rows}}}},
        {"batch": rows},
    ):
        with pytest.raises(RegistryError, match=row):
            ProviderList(json_merge=merged, environ={"OPENAI_API_KEY": CANARY})
    assert everywhere.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com.evil.example/v1/files",
        "https://api.openai.com:444/v1/files",
        "http://api.openai.com/v1/files",
        "https://api.openai.com@evil.example/v1/files",
        "https://evil.example/v1/files",
        "https://api.openai.com\\.evil.example/v1/files",
        "https://api.openai.com%2eevil.example/v1/files",
        "https://api.openai.com#@evil.example/v1/files",
        "https://api.openai.com\t.evil.example/v1/files",
        "https://аpi.openai.com/v1/files",
        "https://api.openai.com:0443/v1/files",
        "https://API.openai.com./v1/files",
        "//api.openai.com/v1/files",
        "ftp://api.openai.com/v1/files",
        "https://[api.openai.com]/v1/files",
        "https://api.openai.com:99999/v1/files",
    ],
)
def test_a_request_with_a_key_goes_to_its_owner_or_nowhere(url: str, everywhere: Server) -> None:
    import asyncio

    from inference_providers.transport.async_sender import AsyncSender
    from inference_providers.transport.http import Request, WireError
    from inference_providers.transport.sync_sender import Sender

    offer = ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False).find_model_providers("gpt-4o")[0]
    request = Request("GET", url, {"Authorization": f"Bearer {offer.api_key}"}, None, offer)
    with pytest.raises(WireError, match="nothing was sent") as caught:
        Sender({}).send(request)
    assert CANARY not in f"{caught.value!r} {caught.value}"
    with pytest.raises(WireError, match="nothing was sent"):
        asyncio.run(AsyncSender({}).send(request))
    assert everywhere.connections == 0


def test_a_key_without_an_owner_is_not_sent_at_all(everywhere: Server) -> None:
    from inference_providers.credentials.keys import Secret
    from inference_providers.transport.http import Request, WireError
    from inference_providers.transport.sync_sender import Sender

    for headers in ({"Authorization": "Bearer x"}, {"authorization": "x"}, {"X-Key": Secret("x")}):
        with pytest.raises(WireError, match="owner"):
            Sender({}).send(Request("GET", "http://any.example/", headers))
    assert everywhere.connections == 0


def test_ids_that_a_provider_gives_lead_nowhere_else(serve: Any, tmp_path: Any) -> None:
    from inference_providers.batches.batch_api import BatchApi
    from inference_providers.errors import ProviderUnavailableError

    made = ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False)
    offer = made.find_model_providers("gpt-4o")[0]
    api = BatchApi(made, offer, {**made.registry.batch, **offer.connection["batch"]}, None)  # type: ignore[arg-type]
    assert (
        api.path(api._row["poll"], "batch_1?x=#y@evil.example\r\n")
        == "/batches/batch_1%3Fx%3D%23y%40evil.example%0D%0A"
    )
    for odd in ("../../x", "a/../../b", "/x", "", "."):
        with pytest.raises(ProviderUnavailableError, match="not an id"):
            api.path(api._row["poll"], odd)


@pytest.mark.parametrize(
    "variable",
    [
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DATABASE_URL", "NPM_TOKEN", "PGPASSWORD", "STRIPE_SECRET_KEY", "SLACK_BOT_TOKEN", "GH_TOKEN",
        "DJANGO_SECRET_KEY", "PYPI_TOKEN", "TWINE_PASSWORD", "AZURE_CLIENT_SECRET", "SSH_PRIVATE_KEY", "CI_JOB_TOKEN", "REDIS_URL", "VAULT_TOKEN",
        "SENTRY_DSN", "KUBECONFIG", "MYAPP_DATABASE_URL", "JWT_SECRET", "AWS_WEB_IDENTITY_TOKEN", "AZURE_FEDERATED_TOKEN", "SOPS_AGE_KEY", "HTTPS_PROXY",
        "PIP_EXTRA_INDEX_URL",
    ],
)  # fmt: skip
def test_secrets_of_other_things_are_nobodys_key(variable: str, serve: Any) -> None:
    server = serve()
    row = {"name": "X", "connection": {"endpoint": server.url, "api_key": variable}, "model_names": {"m": "m"}}
    with pytest.raises(RegistryError, match=variable):
        ProviderList(json_merge={"providers": {"x": row}}, environ={variable: CANARY}, trust={variable: ["127.0.0.1"]})
    hidden = {"name": "X", "connection": {"endpoint": f"{server.url}/${{{variable}}}"}, "model_names": {"m": "m"}}
    with pytest.raises(RegistryError, match=variable):
        ProviderList(json_merge={"providers": {"x": hidden}}, environ={variable: CANARY})
    engine = MetaInferenceEngine(remote_params={"api_url": server.url, "api_key_env_varname": variable})
    with pytest.raises(ValueError, match=variable):
        engine.infer(["x"], "m")
    assert server.requests == []


@pytest.mark.parametrize(
    "variable",
    [
        "MY_KEY",
        "PROXY_API_KEY",
        "COMPANY_LLM_TOKEN",
        "GATEWAY_KEY",
        "OPENAI_API_KEY_2",
        "MY_TOKEN",
        "LITELLM_MASTER_KEY",
        "LLM_PASSWORD",
        "SLACK_LLM_TOKEN",
    ],
)
def test_a_programs_own_variables_are_its_own(variable: str) -> None:
    from inference_providers.credentials.foreign_secrets import is_foreign

    assert not is_foreign(variable)


def test_no_provider_of_the_package_is_a_stranger_to_its_own_key() -> None:
    """A row of the package makes a variable a provider's, whatever its name is like."""
    made = ProviderList(json_merge={"aliases": {"x": "gpt-4o"}}, environ={}, local=False)
    assert made.registry.providers.keys() == bundled().providers.keys()


# Keys in what is shown


def test_a_key_is_real_where_it_is_used_and_masked_where_it_is_shown() -> None:
    import copy
    import pickle
    import traceback

    import openai

    offer = ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False).find_model_providers("gpt-4o")[0]
    provider, endpoint, canonical, internal, key = offer
    assert (str(key), f"{key}", "%s" % key, key + "", format(key)) == (CANARY,) * 5  # noqa: UP031
    assert openai.OpenAI(api_key=key, base_url=endpoint).auth_headers == {"Authorization": f"Bearer {CANARY}"}
    assert copy.copy(key) is key and copy.deepcopy([key]) == [CANARY]
    assert {key: 1}[CANARY] == 1
    for shown in (
        repr(key),
        repr([key]),
        repr(offer),
        repr(tuple(offer)),
        repr(vars(offer) if hasattr(offer, "__dict__") else 0),
    ):
        assert CANARY not in shown
    assert CANARY.encode() not in pickle.dumps([key, endpoint]) + pickle.dumps({"key": key}, 0)
    try:
        raise ValueError
    except ValueError as error:
        said = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "key = '[key]'" in said


def test_a_key_that_goes_without_encryption_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    for address, warns in (
        ("http://192.0.2.1/v1", True),
        ("https://192.0.2.1/v1", False),
        ("http://127.0.0.1:9/v1", False),
    ):
        caplog.clear()
        made = ProviderList(environ={"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": address}, local=False)
        for _ in range(2):
            made.candidates("gpt-4o")
            made.candidates("auto")
        said = [record.getMessage() for record in caplog.records if "without encryption" in record.getMessage()]
        assert len(said) == warns


def test_nothing_of_the_current_directory_is_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, serve: Any) -> None:
    server = serve()
    row = {"name": "X", "connection": {"endpoint": server.url, "api_key": "X_API_KEY"}, "model_names": {"gpt-4o": "x"}}
    for name in ("inference-providers.json", "registry.json"):
        (tmp_path / name).write_text(json.dumps({"providers": {"x": row}, "auto_model_priority": ["gpt-4o"]}))
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={CANARY}\nX_API_KEY={CANARY}\nOPENAI_BASE_URL={server.url}\n")
    for name in ("models.json", "models.yaml"):
        (tmp_path / name).write_text('{"models": [{"name": "my-own", "model_path": "tiny.gguf"}]}')
    monkeypatch.chdir(tmp_path)
    made = ProviderList(local=False)
    assert made.registry.version == bundled().version
    assert "x" not in made.registry.providers
    with pytest.raises(NoCredentialsError):
        made.ask_ai("hi", "gpt-4o")
    with pytest.raises(UnknownModelError):
        ProviderList().resolve("my-own")
    assert server.requests == []
