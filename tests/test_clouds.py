"""Clouds: where each is by the variables that people have, what it is sent, and why it cannot be asked."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    AuthenticationError,
    GoogleVertexInferenceEngine,
    ModelParams,
    NoCredentialsError,
    ProviderList,
    RegistryError,
    RemoteParams,
    UnknownModelError,
)
from inference_providers.calls.key_checks import check_keys
from inference_providers.credentials.keys import Credential
from inference_providers.credentials.pins import Pins
from inference_providers.credentials.tokens import Tokens
from inference_providers.offers.access import Access
from inference_providers.offers.addresses import unheeded
from inference_providers.offers.late_offers import offer_by
from inference_providers.registry.registry import bundled
from inference_providers.testing.cassette import _key as key_of
from inference_providers.transport.http import WireError, request_to
from inference_providers.transport.tokens import renew_token, renew_token_async
from tests.conftest import keys, places
from tests.servers import PATIENCE, Connection, Received, Server, answer
from tests.test_architecture import loaded_by

Serve = Callable[..., Server]
KEY = keys(1)["P1_API_KEY"]
IBM_KEY = "ibm-0123456789"
TOKENS = list(keys(9).values())[1:]
AZURE = {"AZURE_OPENAI_API_KEY": KEY}
FOUNDRY = {"AZURE_AI_API_KEY": KEY}
BEDROCK = {"AWS_BEARER_TOKEN_BEDROCK": KEY}
SNOWFLAKE = {"SNOWFLAKE_PAT": KEY}
DATABRICKS = {"DATABRICKS_TOKEN": KEY}
GATEWAY = {"CLOUDFLARE_API_TOKEN": KEY, "CLOUDFLARE_ACCOUNT_ID": "0" * 32}
WATSONX = {"WATSONX_API_KEY": KEY}


def access_of(provider: str, environ: Mapping[str, str]) -> Access:
    return ProviderList(environ=environ, local=False).pipeline.finder.accesses[provider]


# Where each is


@pytest.mark.parametrize(
    ("provider", "environ", "endpoint"),
    [
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/"}, "https://mine.openai.azure.com/openai/v1"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "'HTTPS://Mine.OpenAI.Azure.com:443'"}, "https://Mine.openai.azure.com/openai/v1"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/openai/deployments/x/chat/completions?api-version=2024-10-21"}, "https://mine.openai.azure.com/openai/v1"),
        ("azure", {"AZURE_API_KEY": KEY, "AZURE_API_BASE": "mine"}, "https://mine.openai.azure.com/openai/v1"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.us/"}, "https://mine.openai.azure.us/openai/v1"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.cn"}, "https://mine.openai.azure.cn/openai/v1"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://mine.cognitiveservices.azure.com/"}, "https://mine.cognitiveservices.azure.com/openai/v1"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://mine.services.ai.azure.com"}, "https://mine.services.ai.azure.com/openai/v1"),
        ("azure", {**AZURE, "AZURE_RESOURCE_NAME": "mine", "OPENAI_API_VERSION": "2024-10-21"}, "https://mine.openai.azure.com/openai/v1"),
        ("azure", {**AZURE, "AZURE_OPENAI_BASE_URL": "https://apim.example/openai/v1"}, "https://apim.example/openai/v1"),
        ("azure-cognitive", {**FOUNDRY, "AZURE_AI_API_BASE": "https://mine.services.ai.azure.com/models"}, "https://mine.services.ai.azure.com/openai/v1"),
        ("azure-cognitive", {**FOUNDRY, "AZURE_AI_PROJECT_ENDPOINT": "https://mine.services.ai.azure.com/api/projects/p"}, "https://mine.services.ai.azure.com/openai/v1"),
        ("azure-cognitive", {**FOUNDRY, "AZURE_AI_ENDPOINT": "https://mine.openai.azure.com"}, "https://mine.openai.azure.com/openai/v1"),
        ("bedrock", {**BEDROCK, "AWS_REGION": "eu-central-1"}, "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1"),
        ("bedrock", {**BEDROCK, "AWS_DEFAULT_REGION": "us-gov-west-1"}, "https://bedrock-runtime.us-gov-west-1.amazonaws.com/openai/v1"),
        ("bedrock", {**BEDROCK, "AWS_REGION": "us-east-1", "AWS_REGION_NAME": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1"),
        ("bedrock", {**BEDROCK, "AWS_REGION_NAME": "us-east-1", "BEDROCK_REGION": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1"),
        ("bedrock-mantle", {**BEDROCK, "AWS_REGION": "eu-central-1"}, "https://bedrock-mantle.eu-central-1.api.aws/v1"),
        ("bedrock-mantle", {**BEDROCK, "AWS_REGION": "eu-central-1", "BEDROCK_MANTLE_REGION": "eu-west-2"}, "https://bedrock-mantle.eu-west-2.api.aws/v1"),
        ("cloudflare-workers-ai", {"CLOUDFLARE_API_TOKEN": KEY, "CF_ACCOUNT_ID": "a" * 32}, f"https://api.cloudflare.com/client/v4/accounts/{'a' * 32}/ai/v1"),
        ("cloudflare-ai-gateway", {**GATEWAY, "CLOUDFLARE_GATEWAY_ID": "default"}, f"https://gateway.ai.cloudflare.com/v1/{'0' * 32}/default/compat"),
        ("databricks", {**DATABRICKS, "DATABRICKS_HOST": "https://adb-1.2.azuredatabricks.net/?o=1"}, "https://adb-1.2.azuredatabricks.net/serving-endpoints"),
        ("databricks", {**DATABRICKS, "DATABRICKS_SERVER_HOSTNAME": "dbc-1.cloud.databricks.com"}, "https://dbc-1.cloud.databricks.com/serving-endpoints"),
        ("databricks", {**DATABRICKS, "DATABRICKS_HOST": "https://adb-1.2.databricks.azure.us"}, "https://adb-1.2.databricks.azure.us/serving-endpoints"),
        ("databricks", {"DATABRICKS_API_KEY": KEY, "DATABRICKS_API_BASE": "https://dbc-1.cloud.databricks.com/serving-endpoints"}, "https://dbc-1.cloud.databricks.com/serving-endpoints"),
        ("snowflake-cortex", {**SNOWFLAKE, "SNOWFLAKE_ACCOUNT": "myorg-my_acct"}, "https://myorg-my-acct.snowflakecomputing.com/api/v2/cortex/v1"),
        ("snowflake-cortex", {**SNOWFLAKE, "SNOWFLAKE_ACCOUNT_ID": "xy12345.eu-central-1"}, "https://xy12345.eu-central-1.snowflakecomputing.com/api/v2/cortex/v1"),
        ("snowflake-cortex", {**SNOWFLAKE, "SNOWFLAKE_HOST": "mine.snowflakecomputing.cn"}, "https://mine.snowflakecomputing.cn/api/v2/cortex/v1"),
        ("watsonx", {**WATSONX, "WATSONX_URL": "https://eu-de.ml.cloud.ibm.com"}, "https://eu-de.ml.cloud.ibm.com/ml/gateway/v1"),
        ("watsonx", {**WATSONX, "WATSONX_REGION": "jp-tok"}, "https://jp-tok.ml.cloud.ibm.com/ml/gateway/v1"),
    ],
)  # fmt: skip
def test_each_is_where_its_variables_say(provider: str, environ: dict[str, str], endpoint: str) -> None:
    access = access_of(provider, environ)
    assert (access.endpoint, access.reason) == (endpoint, "")


@pytest.mark.parametrize(
    ("provider", "environ", "said"),
    [
        ("azure", AZURE, "AZURE_RESOURCE_NAME is not set"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://apim.example/x"}, "an address elsewhere goes in AZURE_BASE_URL"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://openai.azure.com.evil.example"}, "AZURE_OPENAI_ENDPOINT names nothing below .openai.azure.com"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://evil.example/.openai.azure.com"}, "names nothing below"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://me@mine.openai.azure.com"}, "names nothing below"),
        ("azure", {**AZURE, "AZURE_OPENAI_ENDPOINT": "https://a.b.openai.azure.us"}, "names nothing below"),
        ("azure", {"AZURE_RESOURCE_NAME": "mine"}, "AZURE_API_KEY or AZURE_OPENAI_API_KEY"),
        ("azure-cognitive", FOUNDRY, "AZURE_COGNITIVE_SERVICES_RESOURCE_NAME is not set"),
        ("bedrock", BEDROCK, "AWS_REGION is not set"),
        ("bedrock", {**BEDROCK, "AWS_REGION": "mars"}, "AWS_REGION does not look as it should"),
        ("bedrock-mantle", {**BEDROCK, "BEDROCK_MANTLE_REGION": "x.evil.example/"}, "BEDROCK_MANTLE_REGION does not look"),
        ("bedrock", {"AWS_REGION": "eu-central-1"}, "AWS_BEARER_TOKEN_BEDROCK is not set"),
        ("cloudflare-ai-gateway", GATEWAY, "CLOUDFLARE_GATEWAY_ID is not set"),
        ("cloudflare-workers-ai", {"CLOUDFLARE_API_TOKEN": KEY}, "CLOUDFLARE_ACCOUNT_ID is not set"),
        ("databricks", DATABRICKS, "DATABRICKS_HOST is not set"),
        ("databricks", {**DATABRICKS, "DATABRICKS_HOST": "https://evil.example/.cloud.databricks.com"}, "DATABRICKS_HOST does not look"),
        ("snowflake-cortex", SNOWFLAKE, "SNOWFLAKE_ACCOUNT is not set"),
        ("watsonx", WATSONX, "WATSONX_REGION is not set"),
        ("watsonx", {**WATSONX, "WATSONX_URL": "https://cpd.example"}, "WATSONX_URL does not look"),
    ],
)  # fmt: skip
def test_what_cannot_be_worked_out_names_the_variable(provider: str, environ: dict[str, str], said: str) -> None:
    assert said in access_of(provider, environ).reason


def test_who_has_a_key_is_told_to_set_what_the_address_lacks_and_not_the_key() -> None:
    with pytest.raises(
        NoCredentialsError, match=r"Amazon Bedrock, .* cannot be reached: AWS_REGION is not set"
    ) as caught:
        ProviderList(environ=BEDROCK, local=False).ask_ai("hi", "bedrock/gpt-oss-120b")
    assert caught.value.variables == ["AWS_REGION"]
    with pytest.raises(NoCredentialsError, match="No key for Amazon Bedrock") as caught:
        ProviderList(environ={}, local=False).ask_ai("hi", "bedrock/gpt-oss-120b")
    assert caught.value.variables == ["AWS_BEARER_TOKEN_BEDROCK"]


@pytest.mark.parametrize(
    ("provider", "environ", "variable"),
    [
        ("azure", {**AZURE, "AZURE_AD_TOKEN": "t", "AZURE_RESOURCE_NAME": "mine"}, "AZURE_OPENAI_API_KEY"),
        ("azure", {"AZURE_AD_TOKEN": "t", "AZURE_RESOURCE_NAME": "mine"}, "AZURE_AD_TOKEN"),
        ("cloudflare-workers-ai", {**GATEWAY, "CLOUDFLARE_API_KEY": "global"}, "CLOUDFLARE_API_TOKEN"),
        ("cloudflare-ai-gateway", {**GATEWAY, "CLOUDFLARE_GATEWAY_ID": "g", "CF_AIG_TOKEN": "t"}, "CF_AIG_TOKEN"),
        ("bedrock-mantle", {**BEDROCK, "AWS_REGION": "eu-west-1", "BEDROCK_MANTLE_API_KEY": "t"}, "BEDROCK_MANTLE_API_KEY"),
    ],
)  # fmt: skip
def test_the_key_that_is_meant_for_it_comes_first(provider: str, environ: dict[str, str], variable: str) -> None:
    assert access_of(provider, environ).variable == variable


@pytest.mark.parametrize(
    ("provider", "environ"),
    [
        ("azure", {"AZURE_AD_TOKEN": "t", "AZURE_RESOURCE_NAME": "mine"}),
        ("bedrock", {**BEDROCK, "AWS_REGION": "eu-central-1"}),
        ("bedrock-mantle", {**BEDROCK, "AWS_REGION": "eu-central-1"}),
        ("databricks", {**DATABRICKS, "DATABRICKS_HOST": "dbc-1.cloud.databricks.com"}),
        ("snowflake-cortex", {**SNOWFLAKE, "SNOWFLAKE_ACCOUNT": "mine"}),
        ("watsonx", {**WATSONX, "WATSONX_REGION": "eu-de"}),
    ],
)
def test_a_credential_for_a_whole_cloud_is_used_only_where_it_is_named_or_allowed(
    provider: str, environ: dict[str, str]
) -> None:
    assert access_of(provider, environ).opt_in
    allowed = {**environ, "INFERENCE_PROVIDERS_ALLOW": provider}
    assert not access_of(provider, allowed).opt_in


def test_every_address_that_a_value_can_give_is_one_that_the_key_may_go_to() -> None:
    pins = Pins(bundled())
    for provider in bundled().providers.values():
        for rule in (provider.connection.get("variables") or {}).values():
            hosts = [f"mine.{domain}" for domain in rule.get("hosts") or ()] + list((rule.get("at") or {}).values())
            for variable in provider.key_variables:
                assert all(pins.allows(variable, f"https://{host}/x") for host in hosts), provider.id
                assert not any(pins.allows(variable, f"https://{host}.evil.example/") for host in hosts)
                assert not any(pins.allows(variable, f"http://{host}/") for host in hosts)


@pytest.mark.parametrize(
    ("provider", "name", "rule"),
    [
        ("azure", "AZURE_RESOURCE_NAME", {"hosts": ["openai.azure.com", "evil.example"]}),
        ("azure", "AZURE_RESOURCE_NAME", {"at": {"mine": "evil.example"}}),
        ("vertex", "GOOGLE_CLOUD_LOCATION", {"at": {"global": "evil.example"}}),
    ],
)
def test_a_registry_that_widens_where_an_address_may_be_is_refused(
    provider: str, name: str, rule: dict[str, Any]
) -> None:
    row = bundled().providers[provider]
    variables = {**row.connection["variables"], name: {**row.connection["variables"][name], **rule}}
    override = {"providers": {provider: {"connection": {**row.connection, "variables": variables}}}}
    with pytest.raises(RegistryError, match="would send"):
        ProviderList(json_override=override, environ={}, local=False)


def test_two_variables_that_disagree_are_warned_of_and_two_that_agree_are_not(caplog: Any) -> None:
    environ = {**BEDROCK, "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "us-east-1"}
    ProviderList(environ=environ, local=False).find_model_providers("bedrock/gpt-oss-120b")
    assert unheeded(bundled().providers["bedrock"], environ) == {"AWS_DEFAULT_REGION": "AWS_REGION is followed"}
    assert "AWS_DEFAULT_REGION is not followed" in "".join(access_of("bedrock", environ).notices)
    azure = {"AZURE_RESOURCE_NAME": "mine", "AZURE_API_BASE": "https://MINE.openai.azure.com/"}
    assert unheeded(bundled().providers["azure"], azure) == {}
    azure["AZURE_OPENAI_ENDPOINT"] = "https://mine.openai.azure.us/"
    assert unheeded(bundled().providers["azure"], azure) == {"AZURE_OPENAI_ENDPOINT": "AZURE_RESOURCE_NAME is followed"}


# Names of models


def test_a_deployment_is_asked_for_as_it_is_written() -> None:
    made = ProviderList(environ={**AZURE, "AZURE_RESOURCE_NAME": "mine"}, local=False)
    for name in ("gpt4o", "My.Deployment_1", "gpt-4o"):
        assert [offer.internal_name for offer in made.find_model_providers(f"azure/{name}")] == [name]
    watsonx = ProviderList(environ={**WATSONX, "WATSONX_REGION": "eu-de"}, local=False)
    assert watsonx.find_model_providers("watsonx/ibm/granite")[0].internal_name == "ibm/granite"


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("azure-cognitive/claude-opus-5-5", {**FOUNDRY, "AZURE_AI_API_BASE": "https://mine.services.ai.azure.com"}),
        ("azure/claude-opus-5", {**AZURE, "AZURE_API_BASE": "https://mine.openai.azure.com"}),
        ("bedrock/claude-opus-5.5", {**BEDROCK, "AWS_REGION": "eu-west-1"}),
        ("bedrock-mantle/claude-opus-5.5", {**BEDROCK, "AWS_REGION": "eu-west-1"}),
    ],
)
def test_claude_in_a_cloud_is_of_the_route_that_it_is_served_by(name: str, environ: dict[str, str]) -> None:
    offers = ProviderList(environ=environ, local=False).resolve(name).offers
    assert {offer.api for offer in offers} == {"messages"}
    assert {offer.endpoint.rsplit("/", 2)[1] for offer in offers} == {"anthropic"}


@pytest.mark.parametrize(
    ("region", "name", "internal"),
    [
        ("eu-central-1", "deepseek-v3.2", "eu.deepseek.v3.2"),
        ("us-west-2", "deepseek-v3.2", "us.deepseek.v3.2"),
        ("us-east-1", "kimi-k3", "us.moonshotai.kimi-k3"),
        ("ap-south-1", "kimi-k3", "in.moonshotai.kimi-k3"),
        ("eu-central-1", "kimi-k3", "global.moonshotai.kimi-k3"),
        ("us-gov-west-1", "nemotron-nano-9b-v2", "us-gov.nvidia.nemotron-nano-9b-v2"),
        ("eu-west-1", "nemotron-nano-9b-v2", "nvidia.nemotron-nano-9b-v2"),
        ("us-east-1", "gpt-6-sol", "openai.gpt-6-sol"),  # mantle has it in the region itself
        ("eu-central-1", "us.deepseek.v3.2", "us.deepseek.v3.2"),  # as it is written
        ("eu-central-1", "moonshotai.kimi-k3", "moonshotai.kimi-k3"),
    ],
)
def test_of_a_models_names_the_one_that_works_in_the_users_region_is_asked_for(
    region: str, name: str, internal: str
) -> None:
    made = ProviderList(environ={**BEDROCK, "AWS_REGION": region}, local=False)
    (offer,) = made.find_model_providers(f"bedrock/{name}")
    assert offer.internal_name == internal
    assert f".{region}." in offer.endpoint


def test_a_name_of_another_region_is_no_candidate_for_who_named_nobody() -> None:
    made = ProviderList(environ={**BEDROCK, "AWS_REGION": "eu-central-1"}, allow=["bedrock"], local=False)
    offers = {offer.internal_name: offer for offer in made.resolve("kimi-k3").offers if offer.provider == "bedrock"}
    assert "does not work in eu-central-1" in offers["us.moonshotai.kimi-k3"].reason
    assert offers["global.moonshotai.kimi-k3"].usable and offers["moonshotai.kimi-k3"].usable


@pytest.mark.parametrize(
    "name",
    [
        "bedrock/eu-central-1/anthropic.claude-opus-5-5", "bedrock/converse/eu-central-1/openai.gpt-oss-120b-1:0",
        "bedrock:eu-central-1/anthropic.claude-opus-5-5", "litellm_bedrock/eu-central-1/openai.gpt-oss-120b-1:0",
        "bedrock-mantle/eu-central-1/openai.gpt-oss-120b", "bedrock/eu-central-1/brand.new-1:0",
    ],
)  # fmt: skip
def test_who_names_a_region_is_asked_there_or_not_at_all(name: str) -> None:
    there = ProviderList(environ={**BEDROCK, "AWS_REGION": "eu-central-1"}, local=False).resolve(name).offers
    assert there and all(".eu-central-1." in offer.endpoint and "eu-" not in offer.internal_name for offer in there)
    for elsewhere, why in (({"AWS_REGION": "us-east-1"}, "asked in us-east-1"), ({}, "no region is set")):
        with pytest.raises(UnknownModelError, match=rf"{why}.*Set AWS_REGION=eu-central-1"):
            ProviderList(environ={**BEDROCK, **elsewhere}, local=False).resolve(name)


def test_a_name_that_is_worked_on_anywhere_is_told(caplog: pytest.LogCaptureFixture) -> None:
    made = ProviderList(environ={**BEDROCK, "AWS_REGION": "eu-central-1"}, local=False)
    (offer,) = made.find_model_providers("bedrock/kimi-k3")
    assert "may be worked on anywhere, not in eu-central-1 alone" in "".join(offer.notices)
    (offer,) = made.find_model_providers("bedrock/deepseek-v3.2")
    assert list(offer.notices) == []


def test_mantle_is_avoided_with_the_cloud_that_it_is_a_part_of() -> None:
    made = ProviderList(environ={**BEDROCK, "AWS_REGION": "eu-central-1"}, avoid=["bedrock"], local=False)
    assert (
        made.find_model_providers(
            "bedrock-mantle/openai.gpt-oss-120b",
        )
        == []
    )


# What is sent


def row_of(provider: str, **connection: Any) -> dict[str, Any]:
    """A registry with one provider's bundled row, whose connection is elsewhere."""
    row = bundled().providers[provider]
    offers = {"model_names": dict(row.model_names), "more_names": dict(row.more_names)}
    return {"providers": {provider: {**offers, "connection": {**row.connection, "routes": {}, **connection}}}}


def list_at(server: Server, provider: str, environ: dict[str, str], *variables: str, **connection: Any) -> ProviderList:
    """A list with one provider, which is a server here, to which these variables' keys may go."""
    row = row_of(provider, endpoint=server.url, **connection)
    trust = {variable: [f"127.0.0.1:{server.port}"] for variable in variables}
    return ProviderList(json_override=row, environ={**places(), **environ}, local=False, trust=trust)


def gateway_at(server: Server) -> ProviderList:
    variables = bundled().providers["cloudflare-ai-gateway"].key_variables
    return list_at(server, "cloudflare-ai-gateway", {"CF_AIG_TOKEN": "k-0123456789"}, *variables)


def test_a_key_goes_in_the_header_that_its_cloud_reads_and_in_no_other(serve: Serve) -> None:
    server = serve()
    made = gateway_at(server)
    assert made.ask_ai("hi", "cloudflare-ai-gateway/openai/gpt-4o") == "hello"
    (request,) = server.asked
    assert request.headers["cf-aig-authorization"] == "Bearer k-0123456789"
    assert "authorization" not in request.headers
    assert request.json["model"] == "openai/gpt-4o"


def test_a_recording_knows_the_key_whatever_its_header(serve: Serve) -> None:
    made = gateway_at(serve())
    (offer,) = made.find_model_providers("cloudflare-ai-gateway/openai/gpt-4o")
    assert key_of(request_to(offer, "POST", "/chat/completions")) == "k-0123456789"


@pytest.mark.parametrize(
    ("provider", "variable", "name", "asked"),
    [
        ("azure", "AZURE_OPENAI_API_KEY", "gpt4o", "gpt4o"),
        ("azure-cognitive", "AZURE_AI_API_KEY", "my-deployment", "my-deployment"),
        ("bedrock", "AWS_BEARER_TOKEN_BEDROCK", "global.openai.gpt-6-sol", "global.openai.gpt-6-sol"),
        ("bedrock-mantle", "AWS_BEARER_TOKEN_BEDROCK", "openai.gpt-oss-120b", "openai.gpt-oss-120b"),
        ("cloudflare-workers-ai", "CLOUDFLARE_API_TOKEN", "@cf/openai/gpt-oss-120b", "@cf/openai/gpt-oss-120b"),
        ("databricks", "DATABRICKS_TOKEN", "claude-opus-4.5", "databricks-claude-opus-4-5"),
        ("github-copilot", "COPILOT_GITHUB_TOKEN", "claude-opus-5", "claude-opus-5"),
        ("snowflake-cortex", "SNOWFLAKE_PAT", "claude-opus-4.5", "claude-opus-4-5"),
    ],
)
def test_what_goes_to_a_cloud(serve: Serve, provider: str, variable: str, name: str, asked: str) -> None:
    server = serve()
    made = list_at(server, provider, {variable: KEY}, *bundled().providers[provider].key_variables)
    assert made.ask_ai("hi", f"{provider}/{name}") == "hello"
    (request,) = server.asked
    assert (request.headers["authorization"], request.json["model"]) == (f"Bearer {KEY}", asked)
    assert request.path == "/v1/chat/completions"


def test_what_other_tools_write_before_a_key_is_not_sent(serve: Serve) -> None:
    server = serve()
    made = list_at(
        server,
        "snowflake-cortex",
        {"SNOWFLAKE_JWT": f"pat/{KEY}"},
        *bundled().providers["snowflake-cortex"].key_variables,
    )
    assert made.ask_ai("hi", "snowflake-cortex/claude-opus-4-5") == "hello"
    assert [request.key for request in server.asked] == [KEY]


# Access tokens


class Exchange:
    """Behave: give out access tokens, each another one, and answer whoever comes with one of them."""

    def __init__(self, seconds: float = 3600, status: int = 200) -> None:
        self.seconds, self.status = seconds, status
        self.given: list[str] = []
        self.asked: list[Received] = []
        self.lock = threading.Lock()

    def __call__(self, connection: Connection, request: Received) -> None:
        if not request.path.endswith("/token"):
            answer(connection, request)
            return
        with self.lock:
            self.asked.append(request)
            token = TOKENS[len(self.given) % len(TOKENS)]
            self.given.append(token)
        body = {"access_token": token, "expires_in": self.seconds, "token_type": "Bearer"}
        connection.reply(self.status, body if self.status == 200 else {"error": "invalid_grant"})

    def answered(self, server: Server) -> list[Received]:
        return [request for request in server.requests if request.path.endswith("/chat/completions")]


def exchanged_at(server: Server) -> dict[str, Any]:
    return {**bundled().providers["watsonx"].connection["auth"], "token": server.url.removesuffix("/v1") + "/token"}


def watsonx_at(server: Server, variable: str = "WATSONX_API_KEY", key: str = "ibm-0123456789") -> ProviderList:
    variables = bundled().providers["watsonx"].key_variables
    return list_at(server, "watsonx", {variable: key}, *variables, auth=exchanged_at(server))


def test_a_key_that_is_exchanged_is_exchanged_when_it_is_needed_and_its_token_is_sent(serve: Serve) -> None:
    exchange = Exchange()
    server = serve(exchange)
    made = watsonx_at(server)
    (offer,) = made.find_model_providers("watsonx/granite")
    assert offer.usable and offer.api_key is None
    assert server.requests == []
    for _ in range(3):
        assert made.ask_ai("hi", "watsonx/granite") == "hello"
    (asked,) = exchange.asked
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["urn:ibm:params:oauth:grant-type:apikey"],
        "apikey": ["ibm-0123456789"],
    }
    assert "authorization" not in asked.headers
    assert [request.key for request in exchange.answered(server)] == exchange.given * 3
    assert repr(offer.api_key) == "'[key]'"
    assert not [request for request in exchange.answered(server) if b"ibm-0123456789" in request.raw]


def test_a_token_is_renewed_before_it_ends() -> None:
    now = [0.0]
    auth = {"by": "form", "token": "https://iam.cloud.ibm.com/identity/token", "form": {}}
    tokens = Tokens(auth, Credential(KEY, None), "WATSONX_API_KEY", {}, Pins(bundled()), clock=lambda: now[0])
    assert tokens.current is None
    tokens.put("t", 3600)
    for seconds, there in ((0, True), (3299, True), (3300, False), (3600, False)):
        now[0] = float(seconds)
        assert (tokens.current is not None) == there
    tokens.put("t", 60)
    assert tokens.current == "t"
    now[0] += 31
    assert tokens.current is None
    assert "t'" not in repr(tokens)


def test_threads_and_tasks_wait_for_one_token(serve: Serve) -> None:
    exchange = Exchange()
    made = watsonx_at(serve(exchange))
    threads = [threading.Thread(target=made.ask_ai, args=("hi", "watsonx/granite")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(exchange.given) == 1

    async def all_at_once() -> list[Any]:
        row = row_of(
            "watsonx",
            endpoint=server.url,
            auth=exchanged_at(server),
        )
        trust = {name: [f"127.0.0.1:{server.port}"] for name in bundled().providers["watsonx"].key_variables}
        made = AsyncProviderList(
            json_override=row, environ={"WATSONX_API_KEY": "ibm-0123456789"}, local=False, trust=trust
        )
        return await asyncio.gather(*(made.ask_ai("hi", "watsonx/granite") for _ in range(8)))

    exchange = Exchange()
    server = serve(exchange)
    assert asyncio.run(all_at_once()) == ["hello"] * 8
    assert len(exchange.given) == 1


def test_streams_and_clients_have_a_token_too(serve: Serve) -> None:
    exchange = Exchange()
    server = serve(exchange)
    made = watsonx_at(server)
    assert "".join(made.stream("hi", "watsonx/granite")) == "hello"
    client = made.client("watsonx/granite")
    said = client.chat.completions.create(model="watsonx/granite", messages=[{"role": "user", "content": "hi"}])
    assert said.choices[0].message.content == "hello"
    assert [request.key for request in exchange.answered(server)] == exchange.given * 2


def test_a_key_that_is_not_exchanged_is_told_and_nobody_is_asked(serve: Serve) -> None:
    exchange = Exchange(status=400)
    server = serve(exchange)
    with pytest.raises(
        AllProvidersFailedError, match="WATSONX_API_KEY was not exchanged for an access token: HTTP 400"
    ):
        watsonx_at(server).ask_ai("hi", ["watsonx/granite", "watsonx/other"])
    assert exchange.answered(server) == []


def test_a_credential_whose_token_is_refused_rests_and_has_another_token_afterwards(serve: Serve) -> None:
    exchange = Exchange()

    def refuse(connection: Connection, request: Received) -> None:
        if request.path.endswith("/token"):
            exchange(connection, request)
        else:
            connection.reply(401, {"error": {"message": "invalid token"}})

    server = serve(refuse)
    made = watsonx_at(server)
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            made.ask_ai("hi", "watsonx/granite")
    assert len(exchange.answered(server)) == len(exchange.given) == 1
    (offer,) = made.find_model_providers("watsonx/granite")
    assert offer.api_key is None


def tokens_at(server: Server) -> Tokens:
    """The token of a key that this server exchanges."""
    trust = {"WATSONX_API_KEY": [f"127.0.0.1:{server.port}"]}
    return Tokens(exchanged_at(server), Credential(IBM_KEY, None), "WATSONX_API_KEY", {}, Pins(bundled(), trust))


class Gate(Exchange):
    """Give out a token once `opened` is set, or when patience ends; `reached` is set when somebody has come."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.opened, self.in_time = threading.Event(), threading.Event(), False

    def __call__(self, connection: Connection, request: Received) -> None:
        self.reached.set()
        self.in_time = self.opened.wait(PATIENCE)
        super().__call__(connection, request)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_while_a_token_is_fetched_does_not_wait_for_it_forever(serve: Serve) -> None:
    gate = Gate()
    tokens = tokens_at(serve(gate))
    thread = threading.Thread(target=renew_token, args=(tokens, 60.0))
    thread.start()
    gate.reached.wait(PATIENCE)
    child = os.fork()
    if child == 0:
        is_free = tokens.lock.acquire(blocking=False)
        os._exit(0 if is_free else 1)
    _, status = os.waitpid(child, 0)
    gate.opened.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
    assert gate.in_time and tokens.current == gate.given[0]


def test_tasks_that_wait_for_a_token_leave_the_threads_of_the_loop_alone(serve: Serve) -> None:
    gate = Gate()
    tokens = tokens_at(serve(gate))

    async def wait_and_look_up() -> None:
        waiting = [asyncio.ensure_future(renew_token_async(tokens, 60.0)) for _ in range(64)]
        await asyncio.sleep(0)
        waiting[1].cancel()  # whoever waits may be cancelled, and so may who had it fetched
        waiting[0].cancel()
        await asyncio.to_thread(gate.opened.set)
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in done if one is not None] == [asyncio.CancelledError] * 2

    asyncio.run(wait_and_look_up())
    assert gate.in_time and len(gate.given) == 1


@pytest.mark.parametrize("reply", [b"{}", b'{"access_token": "secret token"}', b"x" * 300_000, b"[" * 50_000])
def test_no_traceback_shows_a_key_that_is_exchanged_or_its_token(serve: Serve, reply: bytes) -> None:
    tokens = tokens_at(serve(lambda connection, request: connection.reply(200, reply)))
    with pytest.raises(WireError) as caught:
        renew_token(tokens, 30.0)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    library = shown.partition("inference_providers/transport/tokens.py")[2]
    assert library and IBM_KEY not in library and "secret token" not in library


@pytest.mark.parametrize("by", ["form", "adc"])
@pytest.mark.parametrize(
    ("reply", "has_token"),
    [
        (b"[]", False),
        (b"5", False),
        (b"[" * 50_000, False),
        (b'{"access_token": 5}', False),
        (b'{"access_token": ["t"]}', False),
        (b'{"access_token": "t\\r\\nX: y"}', False),
        (b'{"access_token": "t\\u00e9"}', False),
        (b'{"access_token": "%s"}' % (b"t" * 100_000), False),
        (b'{"access_token": "t", "expires_in": "soon"}', True),
        (b'{"access_token": "t", "expires_in": 1e30}', True),
        (b'{"access_token": "t", "expires_in": NaN}', True),
        (b'{"access_token": "t", "expires_in": 1%s}' % (b"0" * 400), True),
        (b'{"access_token": "t", "expires_in": {}}', True),
        (b'{"access_token": "t", "expires_in": -5}', True),
    ],
)
def test_whatever_replies_to_an_exchange_is_a_token_or_an_error(
    serve: Serve, tmp_path: Path, by: str, reply: bytes, has_token: bool
) -> None:
    tokens = tokens_at(serve(lambda connection, request: connection.reply(200, reply)))
    if by == "adc":
        pytest.importorskip("google.auth")
        file = tmp_path / "adc.json"
        user = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
        file.write_text(json.dumps(user), "utf-8")
        tokens.credential = Credential(str(file), None)
        tokens.auth = {**tokens.auth, "by": "adc", "scope": "x"}
    if has_token:
        renew_token(tokens, 30.0)
        assert tokens.current == "t"
    else:
        with pytest.raises(WireError, match=r"WATSONX_API_KEY"):
            renew_token(tokens, 30.0)
        assert tokens.current is None


@pytest.mark.parametrize(("status", "verdict"), [(200, "works"), (400, "failed")])
def test_what_a_key_is_worth_that_is_exchanged_tells_its_token(serve: Serve, status: int, verdict: str) -> None:
    exchange = Exchange(status=status)

    def listing(connection: Connection, request: Received) -> None:
        if request.path.endswith("/token"):
            exchange(connection, request)
        elif request.key in exchange.given:
            connection.reply(200, {"data": [{"id": "granite"}]})
        else:
            connection.reply(401, {"error": {"message": "invalid token"}})

    server = serve(listing)
    made = list_at(
        server,
        "watsonx",
        {"WATSONX_API_KEY": IBM_KEY},
        *bundled().providers["watsonx"].key_variables,
        auth=exchanged_at(server),
        opt_in=False,
    )
    (check,) = check_keys(made.pipeline)
    assert (check.verdict, check.said) == (
        verdict,
        "" if status == 200 else "WATSONX_API_KEY was not exchanged for an access token: HTTP 400",
    )


def test_an_access_token_of_ones_own_is_sent_as_it_is(serve: Serve) -> None:
    exchange = Exchange()
    server = serve(exchange)
    made = watsonx_at(server, "WATSONX_TOKEN", KEY)
    assert made.ask_ai("hi", "watsonx/granite") == "hello"
    assert [request.key for request in exchange.answered(server)] == [KEY]
    assert exchange.asked == []


def test_a_key_by_hand_is_exchanged_as_any_other(serve: Serve) -> None:
    exchange = Exchange()
    server = serve(exchange)
    made = watsonx_at(server, "WATSONX_TOKEN", KEY)
    assert made.ask_ai("hi", "watsonx/granite", api_key="ibm-by-hand-0123456789") == "hello"
    assert [request.key for request in exchange.answered(server)] == exchange.given
    assert b"ibm-by-hand-0123456789" in exchange.asked[0].body


def test_at_an_address_of_the_users_own_nothing_is_exchanged(serve: Serve) -> None:
    server = serve()
    environ = {**places(), "WATSONX_TOKEN": KEY, "WATSONX_BASE_URL": server.url, "INFERENCE_PROVIDERS_OFFLINE": "1"}
    assert ProviderList(environ=environ, local=False).ask_ai("hi", "watsonx/granite") == "hello"
    assert [(request.path, request.key) for request in server.requests] == [("/v1/chat/completions", KEY)]
    environ = {**environ, "WATSONX_API_KEY": TOKENS[0]}
    assert ProviderList(environ=environ, local=False).ask_ai("hi", "watsonx/granite") == "hello"
    assert [request.key for request in server.requests] == [KEY, TOKENS[0]]


def test_a_key_is_exchanged_nowhere_but_where_the_package_says(serve: Serve) -> None:
    server = serve(Exchange())
    there = server.url.removesuffix("/v1") + "/token"
    auth = {"by": "form", "token": there, "form": {"key": "{key}"}}
    row = {"connection": {"endpoint": "https://api.openai.com/v1", "api_key": "OPENAI_API_KEY", "auth": auth}}
    with pytest.raises(RegistryError, match=r"would send OPENAI_API_KEY to 127\.0\.0\.1"):
        ProviderList(json_override={"providers": {"mine": row}}, environ={"OPENAI_API_KEY": KEY}, local=False)
    assert server.requests == []
    tokens = Tokens(auth, Credential(KEY, None), "OPENAI_API_KEY", {}, Pins(bundled()))
    assert tokens.forbids(there)
    assert tokens.forbids("https://api.openai.com/token")


# Vertex


def vertex(**variables: str) -> dict[str, str]:
    return {"GOOGLE_CLOUD_PROJECT": "my-project", "GOOGLE_CLOUD_LOCATION": "europe-west4", **places(), **variables}


def trust_in(server: Server) -> dict[str, list[str]]:
    return {variable: [f"127.0.0.1:{server.port}"] for variable in bundled().providers["vertex"].key_variables}


@pytest.fixture
def account(tmp_path: Path) -> Callable[..., str]:
    """Write a file of a service account, with a key that was made here."""
    pytest.importorskip("google.auth")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    text = made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

    def write(**more: Any) -> str:
        email = "me@my-project.iam.gserviceaccount.com"
        data = {"type": "service_account", "client_email": email, "private_key": text, "private_key_id": "1"}
        path = tmp_path / "account.json"
        path.write_text(json.dumps({**data, "token_uri": "https://oauth2.googleapis.com/token", **more}), "utf-8")
        return str(path)

    return write


def vertex_at(server: Server, path: str, *, trusted: bool = True, **variables: str) -> ProviderList:
    auth = {**bundled().providers["vertex"].connection["auth"], "token": "https://oauth2.googleapis.com/token"}
    row = row_of("vertex", endpoint=server.url if trusted else bundled().providers["vertex"].endpoint, auth=auth)
    trust = trust_in(server) if trusted else None
    environ = vertex(GOOGLE_APPLICATION_CREDENTIALS=path, **variables)
    return ProviderList(json_override=row, environ=environ, local=False, trust=trust)


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({}, "https://europe-west4-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west4/endpoints/openapi"),
        ({"GOOGLE_CLOUD_LOCATION": "global"}, "https://aiplatform.googleapis.com/v1/projects/my-project/locations/global/endpoints/openapi"),
        ({"VERTEXAI_LOCATION": "eu"}, "https://aiplatform.eu.rep.googleapis.com/v1/projects/my-project/locations/eu/endpoints/openapi"),
        ({"VERTEXAI_PROJECT": "other-project"}, "https://europe-west4-aiplatform.googleapis.com/v1/projects/other-project/locations/europe-west4/endpoints/openapi"),
    ],
)  # fmt: skip
def test_vertex_is_where_project_and_location_say(
    variables: dict[str, str], endpoint: str, account: Callable[..., str]
) -> None:
    for variable in ("GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_CREDENTIALS"):
        assert access_of("vertex", vertex(**{variable: account()}, **variables)).variable == variable
    access = access_of("vertex", vertex(GOOGLE_APPLICATION_CREDENTIALS=account(), **variables))
    assert (access.endpoint, access.reason, access.opt_in) == (endpoint, "", True)
    assert access.key is None


@pytest.mark.parametrize("variable", ["GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"])
def test_without_a_project_or_a_location_vertex_is_not_asked(variable: str, account: Callable[..., str]) -> None:
    environ = vertex(GOOGLE_APPLICATION_CREDENTIALS=account())
    del environ[variable]
    assert access_of("vertex", environ).reason == f"{variable} is not set"


def test_without_credentials_the_reason_says_how_to_have_some(tmp_path: Path) -> None:
    assert "GOOGLE_APPLICATION_CREDENTIALS is not set" in access_of("vertex", vertex(HOME=str(tmp_path))).reason
    missing = access_of("vertex", vertex(GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json"))).reason
    assert missing.startswith("GOOGLE_APPLICATION_CREDENTIALS names no file")
    assert "gcloud auth application-default login" in missing


def test_a_row_of_ones_own_may_name_several_files_or_none(account: Callable[..., str]) -> None:
    connection = {
        "endpoint": "https://vertex.example/v1",
        "auth": {"by": "adc", "token": "https://vertex.example/token"},
    }
    for variables, environ, reason in (
        (["MY_ADC", "OTHER_ADC"], {"OTHER_ADC": account()}, ""),
        (["MY_ADC"], {"HOME": "/nowhere"}, "MY_ADC is not set"),
        ([], {}, "has no key variable"),
    ):
        row = {"connection": {**connection, "api_key": variables}}
        made = ProviderList(json_override={"providers": {"mine": row}}, environ=environ, local=False)
        assert made.pipeline.finder.accesses["mine"].reason.startswith(reason)
        assert bool(made.pipeline.finder.accesses["mine"].reason) == bool(reason)


def test_what_gcloud_keeps_counts_and_is_named(tmp_path: Path) -> None:
    pytest.importorskip("google.auth")
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    (folder / "application_default_credentials.json").write_text("{}", "utf-8")
    for environ in (vertex(HOME=str(tmp_path)), vertex(HOME="/", CLOUDSDK_CONFIG=str(folder))):
        made = ProviderList(environ=environ, local=False)
        (offer,) = made.find_model_providers("vertex/gemini-2.5-pro")
        assert offer.usable
        assert "gcloud's application-default credentials is used" in str(made.explain("vertex/gemini-2.5-pro"))


def test_what_gcloud_keeps_goes_where_googles_own_variable_may_go_and_nowhere_else(
    serve: Serve, tmp_path: Path
) -> None:
    """A row of a program's own, with a variable of its own that is not set, does not get it."""
    pytest.importorskip("google.auth")
    stranger = serve(Exchange())
    file = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    file.parent.mkdir(parents=True)
    user = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r-0123456789"}
    file.write_text(json.dumps(user), "utf-8")
    auth = {**exchanged_at(stranger), "by": "adc", "scope": "x"}
    row = {"name": "X", "connection": {"endpoint": stranger.url, "api_key": "X_FILE", "auth": auth}}
    data = {"providers": {"x": {**row, "model_names": {"m": "m"}}}}
    made = ProviderList(json_override=data, environ={"HOME": str(tmp_path)}, local=False)
    with pytest.raises(NoCredentialsError, match=r"GOOGLE_APPLICATION_CREDENTIALS may go to .*googleapis.com"):
        made.ask_ai("hi", "x/m")
    assert stranger.requests == []


def test_google_auth_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    file = tmp_path / "account.json"
    file.write_text("{}", "utf-8")
    monkeypatch.setitem(sys.modules, "google", None)
    monkeypatch.delitem(sys.modules, "google.auth", raising=False)
    reason = access_of("vertex", vertex(GOOGLE_APPLICATION_CREDENTIALS=str(file))).reason
    assert "pip install google-auth" in reason


def test_listing_asks_nobody_and_a_question_asks_for_one_token(serve: Serve, account: Callable[..., str]) -> None:
    exchange = Exchange()
    server = serve(exchange)
    made = vertex_at(server, account(token_uri=server.url.removesuffix("/v1") + "/token"))
    (offer,) = made.find_model_providers("vertex/gemini-2.5-pro")
    str(made.explain("vertex/gemini-2.5-pro")), tuple(offer), repr(offer), offer.as_dict()
    assert server.requests == []
    assert made.ask_ai("hi", "vertex/gemini-2.5-pro") == made.ask_ai("hi", "vertex/gemini-2.5-pro") == "hello"
    (asked,) = exchange.asked
    assert parse_qs(asked.body.decode())["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert [request.key for request in exchange.answered(server)] == exchange.given * 2
    assert {request.json["model"] for request in exchange.answered(server)} == {"google/gemini-2.5-pro"}


def test_what_gcloud_keeps_is_exchanged_where_the_package_says_whatever_the_file_does(
    serve: Serve, tmp_path: Path
) -> None:
    pytest.importorskip("google.auth")
    exchange = Exchange()
    server, stranger = serve(exchange), serve()
    user = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r-0123456789"}
    file = tmp_path / "adc.json"
    file.write_text(json.dumps({**user, "token_uri": stranger.url}), "utf-8")
    row = row_of("vertex", endpoint=server.url, auth={**exchanged_at(server), "by": "adc", "scope": "x"})
    trust = trust_in(server)
    environ = vertex(GOOGLE_APPLICATION_CREDENTIALS=str(file))
    made = ProviderList(json_override=row, environ=environ, local=False, trust=trust)
    assert made.ask_ai("hi", "vertex/gemini-2.5-pro") == "hello"
    assert parse_qs(exchange.asked[0].body.decode())["refresh_token"] == ["r-0123456789"]
    assert stranger.requests == []


def test_a_listing_loads_neither_what_signs_nor_what_fetches(account: Callable[..., str]) -> None:
    code = "from inference_providers import ProviderList\nassert ProviderList().find_model_providers('vertex/gemini-2.5-pro')"
    loaded = loaded_by(code, vertex(GOOGLE_APPLICATION_CREDENTIALS=account()))
    assert "inference_providers.credentials.tokens" in loaded
    assert "inference_providers.transport.tokens" not in loaded
    assert not [name for name in loaded if name.startswith(("google.auth", "google.oauth2", "cryptography"))]


def test_an_open_model_of_vertex_keeps_its_name(serve: Serve, account: Callable[..., str]) -> None:
    exchange = Exchange()
    server = serve(exchange)
    made = vertex_at(server, account(token_uri=server.url.removesuffix("/v1") + "/token"))
    assert made.ask_ai("hi", "vertex/openai/gpt-oss-120b-maas") == "hello"
    assert exchange.answered(server)[0].json["model"] == "openai/gpt-oss-120b-maas"


def test_a_file_that_names_another_host_for_tokens_has_nothing_sent_there(
    serve: Serve, account: Callable[..., str]
) -> None:
    exchange = Exchange()
    server = serve(exchange)
    path = account(token_uri=server.url.removesuffix("/v1") + "/token")
    with pytest.raises(AllProvidersFailedError, match=r"is exchanged at oauth2.googleapis.com only, not at 127.0.0.1"):
        vertex_at(server, path, trusted=False).ask_ai("hi", ["vertex/gemini-2.5-pro", "vertex/gemini-2.5-flash"])
    assert server.requests == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no json", "cannot be read as JSON"),
        ("[]", "holds no credentials"),
        ('{"type": "external_account", "credential_source": {"executable": {"command": "touch /tmp/x"}}}', "'external_account' are not used"),
        ('{"type": "service_account", "token_uri": "https://oauth2.googleapis.com/token"}', "no access token for GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)  # fmt: skip
def test_a_file_that_is_of_no_use_is_told_without_its_content(
    serve: Serve, tmp_path: Path, content: str, said: str
) -> None:
    pytest.importorskip("google.auth")
    server = serve(Exchange())
    file = tmp_path / "account.json"
    file.write_text(content, "utf-8")
    with pytest.raises(AllProvidersFailedError, match=said) as caught:
        vertex_at(server, str(file)).ask_ai("hi", ["vertex/gemini-2.5-pro", "vertex/gemini-2.5-flash"])
    assert "touch" not in str(caught.value)
    assert server.requests == []


def test_a_token_by_hand_is_sent_as_it_is(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    made = vertex_at(server, str(tmp_path / "none.json"))
    assert made.ask_ai("hi", "vertex/gemini-2.5-pro", api_key=KEY) == "hello"
    assert [request.key for request in server.asked] == [KEY]


def test_the_engine_of_vertex_takes_project_location_and_a_token() -> None:
    engine = GoogleVertexInferenceEngine(
        ModelParams("gemini-2.5-pro"), project_id="my-project", region="europe-west4", environ=places()
    )
    made, name = engine._lists.find("gemini-2.5-pro", engine.engine, RemoteParams(api_key=KEY))
    (offer,) = made.find_model_providers(name)
    assert "/projects/my-project/locations/europe-west4/" in offer.endpoint
    assert offer.api_key == KEY


def test_the_path_of_a_file_is_never_sent_for_a_key(account: Callable[..., str]) -> None:
    made = ProviderList(environ=vertex(GOOGLE_APPLICATION_CREDENTIALS=account()), local=False)
    finder = made.pipeline.finder
    there = finder.accesses.with_address(bundled().providers["vertex"], finder.accesses["vertex"].endpoint, None, None)  # type: ignore[arg-type]
    for access in (finder.accesses["vertex"], there["vertex"]):
        assert access.key is None
        offer = offer_by(access, None, "google/gemini-2.5-pro", named=True)
        assert offer.api_key is None and not offer.awake
        assert request_to(offer, "POST", "/chat/completions").headers == {}
