"""Offers are values: made once, whole, and never changed. What a launched server moves is read of the server."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from inference_providers import InferenceProvidersError, NoCredentialsError, Offer, ProviderList
from inference_providers.credentials import DUMMY_KEY, Pins, address_of
from inference_providers.offers.access import Accesses
from inference_providers.offers.late_offers import LaunchedOffer, offer_by
from inference_providers.offers.local_server import LocalServer
from inference_providers.registry import facts
from inference_providers.registry.registry import Registry, bundled
from inference_providers.upkeep.importers import rows
from tests.servers import refused_port

KEY = "sk-canary-0123456789"
FIELDS = [name for name in Offer.__slots__ if not name.startswith("_")]
SERVER_FIELDS = ["launchable", "awake", "fits", "wished", "peer_check"]


def listed(**environ: str) -> ProviderList:
    return ProviderList(environ=environ, local=False)


def offer_of_openai() -> Offer:
    return listed(OPENAI_API_KEY=KEY).find_model_providers("openai/gpt-4o")[0]


def calls_of(code: Callable[[], object]) -> Counter[str]:
    """The functions written in Python that are called, *code* itself apart."""
    calls: Counter[str] = Counter()

    def seen(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code is not code.__code__:  # type: ignore[attr-defined]
            calls[frame.f_code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        code()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("name", [*FIELDS, *SERVER_FIELDS, "forbids", "brand_new"])
def test_nothing_of_an_offer_can_be_changed(name: str) -> None:
    offer = offer_of_openai()
    before = getattr(offer, name, None)
    with pytest.raises(AttributeError, match=f"an offer cannot be changed, and so not its '{name}'"):
        setattr(offer, name, "other")
    with pytest.raises(AttributeError, match="cannot be changed"):
        delattr(offer, name)
    assert getattr(offer, name, None) == before


def test_what_an_offer_is_asked_for_is_read_without_a_call() -> None:
    offer = offer_of_openai()
    assert [name for name, value in vars(Offer).items() if isinstance(value, property)] == []
    _ = offer.reason, offer.rules

    def read() -> None:
        for name in (*FIELDS, *SERVER_FIELDS):
            getattr(offer, name)

    assert calls_of(read) == {}


def test_the_registrys_facts_are_read_once_for_all_fields_that_come_of_them() -> None:
    providers = listed(OPENAI_API_KEY=KEY)
    offer = providers.resolve("openai/gpt-4o").offers[0]

    def read() -> None:
        for name in FIELDS:
            getattr(offer, name)

    calls = calls_of(read)
    assert calls["Provider.facts"] == 1
    assert calls["Offer._read_facts"] == 1


def test_an_unknown_attribute_is_an_error() -> None:
    offer = offer_of_openai()
    with pytest.raises(AttributeError, match="'Offer' object has no attribute 'endpiont'"):
        _ = offer.endpiont  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.copy(offer)


def test_listing_a_model_asks_only_the_providers_that_have_it() -> None:
    providers = listed(OPENAI_API_KEY=KEY)
    offers = providers.resolve("gpt-4o").offers
    calls = calls_of(lambda: providers.find_model_providers("gpt-4o"))
    assert len(offers) < len(providers.registry.providers) / 4
    assert calls["Provider.internal_names"] <= len(offers)
    assert calls["Offer.__init__"] == len(offers)
    with_key = [offer for offer in offers if offer.provider == "openai"]
    assert calls["Offer._read_facts"] == len(with_key) > 0


def test_the_automatic_choice_makes_offers_of_providers_with_keys_only() -> None:
    providers = listed(OPENAI_API_KEY=KEY)
    calls = calls_of(providers.pipeline.finder.keyed)
    of_openai = len(bundled().providers["openai"].model_names) + len(bundled().providers["openai"].more_names)
    assert providers.pipeline.finder.keyed()
    assert 0 < calls["Offer.__init__"] <= of_openai


def registry_of(**row: Any) -> Registry:
    return Registry({"providers": {"x": {"connection": {"endpoint": "https://x.example/v1", "api_key": "X"}, **row}}})


class Movable(LocalServer):
    """A server that gets another port and key with each start."""

    launched = True
    starts = 0

    def wake(self, limit: float) -> None:
        self.starts += 1
        self.endpoint, self.key = f"http://127.0.0.1:{9000 + self.starts}/v1", f"key-{self.starts}"

    @property
    def awake(self) -> bool:
        return self.starts > 0


def test_a_launched_servers_address_and_key_are_those_of_its_last_start() -> None:
    accesses = Accesses(bundled(), {"VLLM_API_KEY": KEY}, Pins(bundled()))
    server = Movable("vllm", "", {"m": None})
    one, other = (offer_by(accesses.at(server), None, "m") for _ in range(2))
    assert isinstance(one, LaunchedOffer)
    assert (one.launchable, one.awake, one.endpoint, one.api_key) == (True, False, "", DUMMY_KEY)
    for start in (1, 2):
        one.wake(1)
        for offer in (one, other):
            assert (offer.awake, offer.endpoint, offer.api_key) == (True, server.endpoint, f"key-{start}")
            assert "key" not in repr(offer) and "key" not in repr(offer.api_key).replace("[key]", "")
            here, elsewhere = (address_of(f"http://127.0.0.1:{port}/v1/models") for port in (9000 + start, 9999))
            assert offer.forbids(here) == ""
            assert offer.forbids(here) == ""
            assert "is not where vllm is" in offer.forbids(elsewhere)
    assert one.called("m") is one
    assert isinstance(one.called("other"), LaunchedOffer)


def test_where_an_earlier_start_was_is_not_where_the_server_is() -> None:
    server = Movable("vllm", "", {"m": None})
    offer = offer_by(Accesses(bundled(), {}, Pins(bundled())).at(server), None, "m")
    offer.wake(1)
    first = address_of("http://127.0.0.1:9001/v1/models")
    assert offer.forbids(first) == ""
    offer.wake(1)
    assert "is not where vllm is" in offer.forbids(first)


@pytest.mark.parametrize(
    ("row", "protocol", "reason"),
    [
        ({}, "openai", ""),
        ({"facts": {"m": [None] * 5 + ["tx"]}}, "another", "this model is served by another protocol only"),
        (
            {"connection": {"protocol": "gitlab", "endpoint": "https://x.example", "api_key": "X"}},
            "gitlab",
            "speaks a protocol of its own ('gitlab'), which is not spoken here",
        ),
    ],
    ids=["spoken", "a model's own", "the provider's"],
)
def test_an_offer_says_in_which_protocol_it_is_spoken_to(row: dict[str, Any], protocol: str, reason: str) -> None:
    registry = registry_of(model_names={"m": "m"}, **row)
    offer = Offer(Accesses(registry, {"X": KEY}, Pins(bundled()))["x"], "m", "m")
    assert (offer.protocol, offer.reason, offer.usable) == (protocol, reason, not reason)


@pytest.mark.parametrize("name", facts.CAPABILITIES.values())
def test_a_capability_is_called_the_same_wherever_it_is_known(name: str) -> None:
    letter = next(letter for letter, known in facts.CAPABILITIES.items() if known == name)
    for letters, can, cannot in ((letter, True, False), (letter.upper(), False, True), ("", False, False)):
        registry = registry_of(model_names={"m": "m"}, facts={"m": [None] * 5 + [letters]})
        offer = Offer(Accesses(registry, {"X": KEY}, Pins(bundled()))["x"], "m", "m")
        assert (name in offer.features, offer.lacks(name)) == (can, cannot)
    assert rows.letters({"it": True}, **{letter: "it"}) == letter
    assert rows.letters({"it": False}, **{letter: "it"}) == letter.upper()


def test_a_provider_that_is_named_is_found_without_a_look_at_local_ports() -> None:
    providers = ProviderList(environ={"OPENAI_API_KEY": KEY})
    assert providers.resolve("gpt-4o", provider="openai").offers[0].usable
    assert "_lookout" not in providers.pipeline.finder.__dict__
    providers.resolve("m", provider="ollama")
    assert "_lookout" in providers.pipeline.finder.__dict__


# How they are asked


def registry_with(api: str) -> dict[str, Any]:
    connection = {"endpoint": "https://mine.example/v1", "api_key": "MINE_KEY", "routes": {"1": {"api": api}}}
    return {"providers": {"mine": {"name": "Mine", "connection": connection, "model_names": {"m": "m"}, "facts": {"m": [None] * 5 + ["1"]}}}}  # fmt: skip


def test_at_an_address_of_the_users_own_nobody_here_knows_which_apis_there_are() -> None:
    proxied = listed(OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://127.0.0.1:9/v1").find_model_providers("openai/o3-pro")
    assert [offer.api for offer in proxied] == ["chat"], "a proxy may well translate"
    usual = listed(OPENAI_API_KEY=KEY, OPENAI_BASE_URL="https://api.openai.com/v1/").find_model_providers(
        "openai/o3-pro"
    )
    assert [offer.api for offer in usual] == ["responses"]


def test_who_has_a_key_for_what_cannot_be_asked_is_told_so_and_not_to_set_it() -> None:
    alone = ProviderList(json_override=registry_with("converse"), environ={"MINE_KEY": KEY}, local=False)
    with pytest.raises(
        NoCredentialsError, match=r"Mine cannot be asked for 'mine/m': .*Amazon's Converse API only"
    ) as raised:
        alone.candidates("mine/m")
    assert raised.value.variables == [] and "Set one of" not in str(raised.value)

    both = registry_with("converse")
    both["providers"]["other"] = {"connection": {"endpoint": "https://other.example/v1", "api_key": "OTHER_KEY"}, "model_names": {"m": "m"}}  # fmt: skip
    with pytest.raises(
        NoCredentialsError, match=r"MINE_KEY is set, but of no use: .*Converse API only at Mine"
    ) as raised:
        ProviderList(json_override=both, environ={"MINE_KEY": KEY}, local=False).candidates("m")
    assert raised.value.variables == ["OTHER_KEY"]


def test_who_is_asked_by_another_api_alone_is_not_said_to_have_no_models() -> None:
    registry = registry_with("responses")
    registry["providers"]["mine"]["connection"]["endpoint"] = f"http://127.0.0.1:{refused_port()}/v1"
    with pytest.raises(InferenceProvidersError, match="no model of it that can be asked by chat is known"):
        ProviderList(json_override=registry, environ={"MINE_KEY": KEY}, local=False).ask_ai("hi")
