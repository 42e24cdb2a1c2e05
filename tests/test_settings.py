"""Settings and keys that are stored: which layer counts, what is believed, and who reads them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from inference_providers import AsyncProviderList, NoCredentialsError, ProviderList
from inference_providers.settings import layered
from tests.servers import Server

Serve = Callable[..., Server]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The user's own folder of settings."""
    made = tmp_path / "config" / "inference_providers"
    made.mkdir(parents=True, mode=0o700)
    return made


def write(folder: Path, config: str | None = None, keys: str | None = None) -> None:
    if config is not None:
        (folder / "config.toml").write_text(config, "utf-8")
        (folder / "config.toml").chmod(0o644)
    if keys is not None:
        (folder / "keys.toml").write_text(keys, "utf-8")
        (folder / "keys.toml").chmod(0o600)


def test_each_layer_counts_where_those_before_it_are_silent(folder: Path, tmp_path: Path) -> None:
    write(folder, 'policy = "cheapest"\n', '[keys]\nGROQ_API_KEY = "gsk-stored-1234567890"\n')
    secret = tmp_path / "secret"
    secret.write_text("gsk-filed-1234567890\n")
    base = dict(os.environ)
    own = layered(base)
    assert (own["GROQ_API_KEY"], own.source("GROQ_API_KEY")) == ("gsk-stored-1234567890", "keys file")
    assert (own["INFERENCE_PROVIDERS_POLICY"], own.source("INFERENCE_PROVIDERS_POLICY")) == ("cheapest", "settings")
    filed = layered({**base, "GROQ_API_KEY_FILE": str(secret)})
    assert (filed["GROQ_API_KEY"], filed.source("GROQ_API_KEY")) == ("gsk-filed-1234567890", "GROQ_API_KEY_FILE")
    of_process = layered({**base, "GROQ_API_KEY_FILE": str(secret), "GROQ_API_KEY": "gsk-set-1234567890"})
    assert (of_process["GROQ_API_KEY"], of_process.source("GROQ_API_KEY")) == ("gsk-set-1234567890", "environment")
    assert layered({**base, "INFERENCE_PROVIDERS_POLICY": ""})["INFERENCE_PROVIDERS_POLICY"] == ""
    assert "gsk-" not in repr(own) + repr(own.stored) + repr(vars(own.stored)) + repr(filed.filed("GROQ_API_KEY"))


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_list_reads_what_is_stored_only_where_it_is_told_to(folder: Path, kind: type) -> None:
    write(
        folder,
        'model = "groq/openai/gpt-oss-20b"\n[aliases]\nwork = "gpt-oss-120b"\n',
        '[keys]\nGROQ_API_KEY = "gsk-stored-1234567890"\n',
    )
    with pytest.raises(NoCredentialsError):
        kind(local=False).candidates("gpt-oss-120b")
    told = kind(local=False, settings=True)
    assert [offer.provider for offer in told.candidates("work")] == ["groq"]
    assert told.explain().chosen.internal_name == "openai/gpt-oss-20b"
    assert (
        kind(local=False, settings=True, aliases={"work": "gpt-oss-20b"}).candidates("work")[0].canonical_name
        == "gpt-oss-20b"
    )


def test_a_model_by_default_is_asked_where_none_is_named(serve: Serve) -> None:
    server = serve()
    environ = {"OPENAI_API_KEY": "sk-right-1234567890", "OPENAI_BASE_URL": server.url}
    providers = ProviderList(
        environ={**environ, "INFERENCE_PROVIDERS_MODEL": "nosuch/none, openai/gpt-4o-mini"}, local=False
    )
    assert providers.ask_ai("hi").model == "gpt-4o-mini"
    assert providers.ask_ai("hi", "openai/gpt-4o").model == "gpt-4o"
    assert providers.connect_to_ai(test=False)[1] == "gpt-4o-mini"
    with providers.stream("hi") as stream:
        assert "".join(stream) == "hello"
    assert stream.answer.model == "gpt-4o-mini"
