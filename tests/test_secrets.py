"""The rules of keys one by one: each line here decides where a secret goes or what is shown of it."""

from __future__ import annotations

import base64
import copy
import pickle
from typing import Any

import pytest

from inference_providers.credentials.foreign_secrets import is_foreign
from inference_providers.credentials.hosts import (
    address_of,
    fill_endpoint,
    host_of,
    is_loopback,
    is_plain_address,
    origin_of,
    variables_of,
)
from inference_providers.credentials.keys import DUMMY_KEY, Credential, Environment, Secret, find, refusal
from inference_providers.credentials.pins import Pins
from inference_providers.credentials.redaction import MARK, scrub, scrub_events, scrub_json, scrub_pieces
from inference_providers.credentials.trust import restrained, stray_keys
from inference_providers.registry.registry import Provider, Registry
from tests.test_redaction import FORMS, KEYS


def provider(connection: dict[str, Any], **row: Any) -> Provider:
    return Provider("p", {"name": "P", "connection": connection, **row})


# A secret


def test_a_secret_is_text_that_shows_itself_to_nobody() -> None:
    secret = Secret("sk-real")
    assert secret == "sk-real" and f"Bearer {secret}" == "Bearer sk-real"
    assert repr(secret) == "'[key]'"
    assert pickle.loads(pickle.dumps(secret)) == "[key]"
    assert copy.copy(secret) is secret and copy.deepcopy([secret])[0] is secret
    assert repr(Credential("sk-real", "V")) == "Credential(variable='V', key='...')"
    environment = Environment({"A": "1", "B": "2"})
    assert (dict(environment), len(environment), repr(environment)) == ({"A": "1", "B": "2"}, 2, "<Environment>")


# What is a key


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("  \n", "is empty"), ('"sk-1"', "is wrapped in quotes; remove them"), ("'k'", "is wrapped in quotes; remove them"),
        ('""', "is wrapped in quotes; remove them"), ('"', "holds a placeholder, not a key"), ('"sk-1', None), ("sk-1'", None),
        ("changeme", "holds a placeholder, not a key"), ("x" * 255, "holds a placeholder, not a key"), ("x" * 256, None),
        ("a b", "holds blanks or other characters that do not occur in keys"), ("a\x7fb", "holds blanks or other characters that do not occur in keys"),
        ("kä", "holds blanks or other characters that do not occur in keys"), (" sk-1 ", None), ("~!", "holds a placeholder, not a key"), ("!a~", None),
    ],
)  # fmt: skip
def test_why_something_is_no_key(value: str, reason: str | None) -> None:
    assert refusal(value) == reason


@pytest.mark.parametrize(
    ("connection", "environ", "key", "reason"),
    [
        ({"api_key": ["A", "B"]}, {"B": " k "}, ("k", "B"), ""),
        ({"api_key": ["A", "B"]}, {"A": "changeme", "B": "k"}, ("k", "B"), ""),
        ({"api_key": ["A", "B"]}, {"A": "k", "B": "l"}, ("k", "A"), ""),
        (
            {"api_key": ["A", "B"]},
            {"A": "a b", "B": ""},
            None,
            "A holds blanks or other characters that do not occur in keys",
        ),
        ({"api_key": ["A", "B"]}, {}, None, "A or B is not set"),
        ({"api_key": ["A"], "auth": "oauth"}, {}, None, "needs an OAuth access token, not a key"),
        ({"api_key": ["A"], "local": {"port": 1}}, {}, (DUMMY_KEY, None), ""),
        ({"api_key": ["A"], "local": {"port": 1}}, {"A": "k"}, ("k", "A"), ""),
        ({"endpoint": "http://127.0.0.1:8000/v1"}, {}, (DUMMY_KEY, None), ""),
        ({"endpoint": "http://127.0.0.1:8000/v1", "api_key": ["A"]}, {}, None, "A is not set"),
        ({"endpoint": "https://h.example/v1"}, {}, None, "has no key variable; give it `api_key`"),
    ],
)
def test_which_variable_gives_the_key(connection: Any, environ: Any, key: Any, reason: str) -> None:
    found, said = find(provider({"endpoint": "https://h.example/v1", **connection}), environ)
    assert (found and (str(found.key), found.variable), said) == (key, reason)


# Where it goes

HOST = {"HOST": {"pattern": "[a-z]+"}}


@pytest.mark.parametrize(
    ("endpoint", "variables", "value", "filled"),
    [
        ("https://h.example/v1", {}, "", "https://h.example/v1"),
        ("https://${HOST}.example/v1", HOST, "abc", "https://abc.example/v1"),
        ("https://${HOST}.example/v1", HOST, " abc \n", "https://abc.example/v1"),
        ("https://${HOST}/v1", HOST, "https://abc/", "https://abc/v1"),
        ("https://${HOST}.example/v1", HOST, "https://abc.example/v1/chat", "https://abc.example/v1"),
        ("https://${HOST}.example/v1", HOST, "https://abc.example.evil/v1", None),
        ("https://${HOST}.example/v1", HOST, "https://evil/abc.example", None),
        ("https://${HOST}.example/v1", HOST, "https://.example/", None),
        ("https://${HOST}.example/v1", HOST, "abc.evil", None),
        ("https://${HOST}.example/v1", HOST, "evil@abc", None),
        ("https://${HOST}.example/v1", {"HOST": {"default": "abc"}}, "abc", None),  # a host of no given form
        ("https://${HOST}.example/v1", {}, "abc", None),
        ("https://$HOST.example/v1", HOST, "abc", None),
        ("https://h.example/${HOST}/v1", {}, "a.b-c_1", "https://h.example/a.b-c_1/v1"),
        ("https://h.example/${HOST}/v1", {}, "a/../b", None),
        ("https://h.example/${HOST}/v1", {}, ".a", None),
        ("https://h.example/${HOST}/v1", {}, "a" * 128, "https://h.example/" + "a" * 128 + "/v1"),
        ("https://h.example/${HOST}/v1", {}, "a" * 129, None),
        ("https://h.example/${HOST}/v1", {}, "", None),
        ("https://h.example/${HOST}/v1", {"HOST": {"default": "eu"}}, "", "https://h.example/eu/v1"),
        ("https://h.example/${HOST}/v1", {"HOST": {"default": "eu"}}, "us", "https://h.example/us/v1"),
        ("https://h.example/${HOST}/${HOST}", {}, "a", "https://h.example/a/a"),
        ("https://${HOST}.example/v1", None, "abc", None),
        ("", {}, "", None),
    ],
)  # fmt: skip
def test_how_an_endpoint_is_filled_in(endpoint: str, variables: Any, value: str, filled: str | None) -> None:
    found, reason = fill_endpoint(provider({"endpoint": endpoint, "variables": variables}), {"HOST": value})
    assert found == filled
    assert bool(reason) is (filled is None)


LENT: Any = {"HOST": {"pattern": "[a-z_]+", "default": "here", "also": ["BASE", "REGION"]}}


@pytest.mark.parametrize(
    ("environ", "filled"),
    [
        ({"HOST": "a", "BASE": "b"}, "a"),
        ({"HOST": " ", "BASE": "https://b.example/", "REGION": "c"}, "b"),
        ({"REGION": "c"}, "c"),
        ({}, "here"),
        ({"HOST": "my_account"}, "my-account"),  # no host has an underscore
        ({"BASE": "https://b.evil/"}, None),  # not the default: somebody means another place
    ],
)
def test_other_tools_variables_fill_in_what_is_not_set(environ: dict[str, str], filled: str | None) -> None:
    found, reason = fill_endpoint(provider({"endpoint": "https://${HOST}.example/v1", "variables": LENT}), environ)
    assert found == (filled and f"https://{filled}.example/v1")
    assert ("BASE does not look as it should" in reason) is (filled is None)


def test_no_key_becomes_a_part_of_an_address_by_way_of_another_variable() -> None:
    variables = {"TENANT": {"pattern": "[a-z]+", "also": ["OWNER_KEY"]}}
    row = {"endpoint": "https://${TENANT}.evil.example/v1", "api_key": ["MINE"], "variables": variables}
    assert stray("mine", **row) == ["$.providers.mine.connection: OWNER_KEY is a key and cannot be part of an address"]


def test_an_address_is_read_in_one_way() -> None:
    assert variables_of("https://$A.example/${B}/$A") == ["A", "B"]
    assert host_of("u:p@Host.Example:8080/a@b") == "host.example:8080"
    assert [host_of(f"https://a{end}@evil.example") for end in "/?#\\"] == ["a"] * 4
    for url, scheme, host, port, target, authority in (
        ("https://H.example", "https", "h.example", 443, "/", "h.example"),
        ("http://h.example/a?b=1", "http", "h.example", 80, "/a?b=1", "h.example"),
        ("http://h.example:443?b", "http", "h.example", 443, "/?b", "h.example:443"),
        ("https://h.example:443/a", "https", "h.example", 443, "/a", "h.example"),
        ("https://[2001:DB8::1]:65535/a", "https", "2001:db8::1", 65535, "/a", "[2001:db8::1]:65535"),
        ("https://[::1]", "https", "::1", 443, "/", "[::1]"),
    ):
        address = address_of(url)
        assert (address.scheme, address.host, address.port, address.target) == (scheme, host, port, target)
        assert address.authority == authority
        assert address.origin == origin_of(url) == (scheme, host, port)


@pytest.mark.parametrize(
    "url",
    [
        "", "h.example", "ftp://h.example", "HTTPS://h.example", "https://u@h.example", "https://u:p@h.example/", "https://h.example:0/",
        "https://h.example:65536/", "https://h.example:99999/", "https://h.example:080/", "https://h.example:/", "https://.h.example/", "https://-h.example/",
        "https://h.example#f", "https://h.example/#f", "https://h.example\\.evil.example", "https://h.example/a b", "https://h.example/\n", "https://h%2e.example/",
        "https://hé.example/", "https://h.example/é", "https://[::1/", "https://[::1]x/", "https://h.example/a\\b", "https://h.example\n", " https://h.example",
    ],
)  # fmt: skip
def test_an_address_that_two_could_read_differently_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="is not a plain http"):
        address_of(url)
    assert origin_of(url) is None
    assert is_plain_address(url) is False
    assert not Pins(REGISTRY, {"OWNER_KEY": ["h.example"]}).allows("OWNER_KEY", url)
    assert not Pins(REGISTRY, {"OWNER_KEY": ["h.example"]}).trusts("OWNER_KEY", url)


def test_a_plain_address_has_no_query_and_no_address_is_none() -> None:
    assert is_plain_address("https://h.example/v1") is True
    assert is_plain_address("https://h.example/v1?a=b") is False
    assert origin_of(None) is None


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("LOCALHOST", True), ("app.localhost:80", True), ("cafe.localhost", True), ("[::1]", True), ("::1", True), ("[::1%lo]:80", True), ("0X7F.1", True),
        ("127.0.0.1.", True), ("::", True), ("127.255.255.254", True), ("128.0.0.1", False), ("1.127.0.1", False), ("localhost.x", False), ("notlocalhost", False),
        ("127.0.0.1.fed", False), ("::2", False), ("[::ffff:10.0.0.1]", False), ("", False), ("127.0.0.1x", False), ("face", False), ("127.0.0.1:80:80", False),
    ],
)  # fmt: skip
def test_which_hosts_are_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here


REGISTRY = Registry(
    {
        "providers": {
            "owner": {
                "connection": {
                    "endpoint": "https://api.owner.example/v1", "api_key": ["OWNER_KEY"], "base_url": "OWNER_URL", "headers": {"X-Org": "OWNER_ORG"},
                },
                "model_names": {"m": "m"}, "facts": {"m": [1]}, "name": "Owner",
            },
            "tenant": {
                "connection": {
                    "endpoint": "https://${TENANT}.host.example:8443/v1", "api_key": ["TENANT_KEY"], "variables": {"TENANT": {"pattern": "[a-z]+"}},
                },
            },
            "bare": {"connection": {"api_key": ["BARE_KEY"]}},
            "open": {"connection": {"endpoint": "https://open.example/v1"}},
            "forge": {"connection": {"endpoint": "https://forge.example/v1", "api_key": ["GITLAB_TOKEN"]}},
            "loose": {"connection": {"endpoint": "https://${LOOSE}/v1", "api_key": ["LOOSE_KEY"]}},
            "here": {"connection": {"endpoint": "http://127.0.0.1:1/v1", "api_key": ["HERE_KEY"], "local": {"port": 1}}, "name": "Here"},
        },
        "retired": {
            "providers": {
                "gone": {"endpoint": "https://$MODEL_NAME.gone.example/v1", "api_key": ["GONE_KEY"]},
                "free": {"endpoint": "https://free.example/v1"},
            }
        },
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("variable", "url", "may"),
    [
        ("OWNER_KEY", "https://api.owner.example/v1/x", True), ("OWNER_KEY", "https://API.owner.example:443/", True),
        ("OWNER_KEY", "http://api.owner.example/v1", False), ("OWNER_KEY", "https://api.owner.example:8443/", False),
        ("OWNER_KEY", "https://apixowner.example/", False), ("OWNER_KEY", "https://api.owner.example.evil.example/", False),
        ("OWNER_KEY", "https://evil.example/api.owner.example", False), ("OWNER_KEY", "http://127.0.0.1:1/v1", False),
        ("TENANT_KEY", "https://abc.host.example:8443/v1", True), ("TENANT_KEY", "https://abc.host.example/v1", False),
        ("TENANT_KEY", "https://a.b.host.example:8443/v1", False), ("LOOSE_KEY", "https://anything/v1", False),
        ("HERE_KEY", "http://127.0.0.1:9/v1", True), ("HERE_KEY", "http://[::1]:9/v1", True), ("HERE_KEY", "https://loopback/v1", False),
        ("HERE_KEY", "http://10.0.0.1/v1", False), ("GONE_KEY", "https://my-model.gone.example/v1", True),
        ("GONE_KEY", "https://a.b.gone.example/v1", False), ("MINE", "http://evil.example/", True),
    ],
)  # fmt: skip
def test_where_a_pinned_key_may_go(variable: str, url: str, may: bool) -> None:
    pins = Pins(REGISTRY)
    assert pins.allows(variable, url) is may
    assert pins.admits(variable, address_of(url)) is may
    assert pins.pinned(variable) is (variable != "MINE")
    assert pins.trusts(variable, url) is False


@pytest.mark.parametrize(
    ("said", "url", "trusted"),
    [
        ("h.example", "https://h.example/v1", True), ("https://H.example/v1", "https://h.example/x", True), ("h.example", "http://h.example/v1", False),
        ("h.example", "https://h.example:8443/", True), ("h.example:443", "https://h.example:8443/", False), ("h.example:8443", "https://h.example:8443/", True), ("h.example:443", "https://h.example/", True),
        ("h.example", "https://x.h.example/", False), ("127.0.0.1:8000", "http://127.0.0.1:8000/v1", True), ("127.0.0.1", "http://127.0.0.1/v1", True),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443/", True), ("[2001:db8::1]", "https://[2001:db8::1]/", True), ("10.0.0.1", "http://10.0.0.1/", False),
    ],
)  # fmt: skip
def test_what_trust_in_code_means(said: str, url: str, trusted: bool) -> None:
    for hosts in (said, [said], ["other.example", said]):
        pins = Pins(REGISTRY, {"OWNER_KEY": hosts})
        assert pins.trusts("OWNER_KEY", url) is pins.allows("OWNER_KEY", url) is trusted
        assert not pins.trusts("TENANT_KEY", url)


def test_what_else_pins_say() -> None:
    pins = Pins(REGISTRY)
    assert [pins.belongs_here(name) for name in ("HERE_KEY", "OWNER_KEY", "MINE")] == [True, False, True]
    assert pins.own_address("OWNER_KEY", "OWNER_URL")
    assert not pins.own_address("TENANT_KEY", "OWNER_URL") and not pins.own_address("OWNER_KEY", "OTHER_URL")
    rows = {"X-Org": "OWNER_ORG", "X-Other": "OPENAI_API_KEY", "X-Moved": "OWNER_ORG"}
    assert pins.headers("OWNER_KEY", "https://api.owner.example/v1", rows) == {"X-Org": "OWNER_ORG"}
    assert pins.headers("OWNER_KEY", "https://evil.example/v1", rows) == {}
    assert pins.headers("TENANT_KEY", "https://abc.host.example:8443/v1", rows) == {}
    assert pins.headers(None, "https://api.owner.example/v1", rows) == {}
    assert pins.hosts("OWNER_KEY") == ["api.owner.example"]
    hosts = {name: pins.hosts(name) for name in ("HERE_KEY", "MINE", "LOOSE_KEY", "BARE_KEY")}
    assert hosts == {"HERE_KEY": ["this machine"], "MINE": [], "LOOSE_KEY": [], "BARE_KEY": []}
    assert not pins.allows("BARE_KEY", "https://h.example/")


# What a registry that did not come with the package may say


def stray(pid: str, **connection: Any) -> list[str]:
    return stray_keys(Registry({"providers": {pid: {"name": "X", "connection": connection}}}), REGISTRY, Pins(REGISTRY))


@pytest.mark.parametrize(
    ("pid", "connection", "words"),
    [
        ("owner", {"endpoint": "https://api.owner.example/v1", "api_key": ["OWNER_KEY"]}, []),
        ("other", {"endpoint": "https://api.owner.example/v2", "api_key": ["OWNER_KEY"]}, []),
        ("owner", {"endpoint": "https://api.owner.example/v1", "api_key": ["OWNER_KEY"], "routes": {"1": {"api": "chat", "endpoint": "https://evil.example/v1"}}}, ["would send OWNER_KEY to evil.example"]),
        ("owner", {"endpoint": "https://api.owner.example/v1", "api_key": ["OWNER_KEY"], "routes": {"1": {"api": "chat", "endpoint": "https://api.owner.example/${OWNER_KEY}"}}}, ["OWNER_KEY is a key and cannot be part of an address", "would send OWNER_KEY to"]),
        ("owner", {"endpoint": "https://api.owner.example/v1", "api_key": ["OWNER_KEY"], "routes": {"1": {"api": "responses"}}}, []),
        ("owner", {"endpoint": "https://evil.example/v1", "api_key": ["OWNER_KEY"]}, ["would send OWNER_KEY to evil.example, but that key belongs to api.owner.example"]),
        ("owner", {"endpoint": "https://evil.example/v1", "api_key": ["MINE"]}, []),
        ("mine", {"endpoint": "https://evil.example/v1", "api_key": ["DATABASE_URL"]}, ["DATABASE_URL holds the secret of something else"]),
        ("mine", {"endpoint": "https://evil.example/${OWNER_KEY}", "api_key": ["MINE"]}, ["OWNER_KEY is a key and cannot be part of an address"]),
        ("mine", {"endpoint": "https://evil.example/$DATABASE_URL", "api_key": ["MINE"]}, ["DATABASE_URL is a key and cannot be part of an address"]),
        ("mine", {"endpoint": "http://127.0.0.1:1/v1", "local": {"port": 1, "address": ["OWNER_KEY"]}}, ["OWNER_KEY is a key and cannot be part of an address"]),
        ("mine", {"local": {"port": 1}, "api_key": ["OWNER_KEY"]}, [".local: a server on this machine must not get OWNER_KEY, a cloud key"]),
        ("mine", {"local": {"port": 1}, "api_key": ["HERE_KEY"]}, []),
        ("tenant", {"endpoint": "https://${TENANT}.host.example:8443/v1", "api_key": ["TENANT_KEY"], "variables": {"TENANT": {"pattern": "[a-z]+"}}}, []),
        ("tenant", {"endpoint": "https://${TENANT}.host.example:8443/v1", "api_key": ["TENANT_KEY"], "variables": {"TENANT": {"pattern": ".+"}}}, ["would send TENANT_KEY to"]),
        ("tenant", {"endpoint": "https://abc.host.example:8443/v1", "api_key": ["TENANT_KEY"]}, []),
        ("thief", {"endpoint": "https://${TENANT}.host.example:8443/v1", "api_key": ["TENANT_KEY"]}, ["would send TENANT_KEY to"]),
        ("owner", {"endpoint": "https://api.owner.example/v1", "api_key": ["OWNER_KEY", "TENANT_KEY"]}, ["would send TENANT_KEY to api.owner.example"]),
        ("gone", {"endpoint": "https://$MODEL_NAME.gone.example/v1", "api_key": ["GONE_KEY"]}, []),
        ("gone", {"endpoint": "https://$MODEL_NAME.gone.example/v1", "api_key": ["OWNER_KEY"]}, ["would send OWNER_KEY to"]),
        ("gone", {"endpoint": "https://$MODEL_NAME.evil.example/v1", "api_key": ["GONE_KEY"]}, ["would send GONE_KEY to"]),
        ("gone", {"endpoint": "https://evil.example/v1", "api_key": ["GONE_KEY"]}, ["would send GONE_KEY to"]),
        ("mine", {"endpoint": "https://${MY_HOST}.evil.example/v1", "api_key": ["MINE"]}, []),
        ("forge", {"endpoint": "https://forge.example/v1", "api_key": ["GITLAB_TOKEN"]}, []),
        ("loose", {"endpoint": "https://abc/v1", "api_key": ["LOOSE_KEY"]}, ["would send LOOSE_KEY to abc, but that key belongs to no host"]),
    ],
)  # fmt: skip
def test_which_keys_a_registry_leads_astray(pid: str, connection: Any, words: list[str]) -> None:
    found = stray(pid, **connection)
    assert len(found) == len(words), found
    for line, said in zip(found, words, strict=True):
        assert said in line and line.startswith(f"$.providers.{pid}.connection")


def update(pid: str, *, trust: Any = None, **connection: Any) -> Any:
    """What is left of a provider in a downloaded registry."""
    row = {
        "name": "X",
        "connection": connection,
        "model_names": {"n": "n"},
        "more_names": {},
        "facts": {},
        "console": "https://evil.example",
    }
    return restrained({"providers": {pid: row}}, REGISTRY, Pins(REGISTRY, trust))["providers"].get(pid)


def test_a_download_changes_what_is_offered_and_not_who_is_asked() -> None:
    row = update("owner", endpoint="https://evil.example/v1", api_key=["OWNER_KEY"], headers={"X": "OPENAI_API_KEY"})
    assert row["connection"] == REGISTRY.providers["owner"].connection
    assert (row["name"], row["model_names"], row["facts"]) == ("Owner", {"n": "n"}, {})
    assert "console" not in row
    moved = update("owner", endpoint="https://api.owner.example/v2")["connection"]
    assert moved == {**REGISTRY.providers["owner"].connection, "endpoint": "https://api.owner.example/v2"}


@pytest.mark.parametrize(
    ("pid", "endpoint"),
    [
        ("owner", "http://api.owner.example/v2"), ("owner", ""), ("owner", "https://${X}.example/"), ("here", "https://evil.example/v1"),
        ("tenant", "https://abc.host.example:8443/v2"), ("loose", "https://evil.example/v1"), ("owner", "http://127.0.0.1:1/v1"),
        ("open", "https://evil.example/v1"), ("here", "https://127.0.0.1:2/v1"), ("bare", "https://evil.example/v1"),
    ],
)  # fmt: skip
def test_an_endpoint_that_a_download_may_not_change(pid: str, endpoint: str) -> None:
    assert update(pid, endpoint=endpoint)["connection"] == REGISTRY.providers[pid].connection
    assert update(pid)["connection"] == REGISTRY.providers[pid].connection


@pytest.mark.parametrize(
    ("connection", "stays"),
    [
        ({"endpoint": "https://new.example/v1", "api_key": ["NEW_KEY"]}, True), ({"endpoint": "https://new.example/v1", "api_key": "NEW_KEY"}, True),
        ({"endpoint": "https://evil.example/v1", "api_key": ["NEW_KEY"]}, False), ({"endpoint": "https://new.example/v1", "api_key": ["NEW_KEY", "OTHER"]}, False),
        ({"endpoint": "https://new.example/v1", "api_key": []}, False), ({"endpoint": "https://new.example/v1"}, False), ({"api_key": ["NEW_KEY"]}, False),
        ({"endpoint": "http://new.example/v1", "api_key": ["NEW_KEY"]}, False), ({"endpoint": "http://127.0.0.1:8000/v1", "api_key": ["NEW_KEY"]}, False),
        ({"endpoint": "https://new.example/v1", "api_key": ["NEW_KEY"], "local": {"port": 1}}, False), ({"endpoint": "https://new.example/${X}", "api_key": ["NEW_KEY"]}, False),
        ({"endpoint": "https://new.example/v1", "api_key": ["DATABASE_URL"]}, False), ({"endpoint": "https://new.example/v1", "api_key": ["GITLAB_TOKEN"]}, True),
    ],
)  # fmt: skip
def test_who_is_new_in_a_download_stays_where_the_program_said_so(connection: Any, stays: bool) -> None:
    trust = {name: ["new.example", "127.0.0.1:8000"] for name in ("NEW_KEY", "DATABASE_URL", "GITLAB_TOKEN")}
    row = update("new", trust=trust, **connection, headers={"X": "OPENAI_API_KEY"})
    assert (row is not None) is stays
    if row is not None:
        assert set(row["connection"]) == {"protocol", "endpoint", "api_key"}
        assert row["connection"]["protocol"] == "openai"
    assert update("new", **connection) is None


def test_what_a_download_says_of_names_leads_to_no_provider() -> None:
    ours = {
        "families": {"x": "ours"},
        "easiest": ["owner"],
        "fastest": ["owner"],
        "parameters": {"y": "ours"},
        "batch": {"z": "ours"},
    }
    theirs = {name: type(value)() for name, value in ours.items()}
    offers = {"owner": {"model_names": {"m": "m"}}, "new": {"name": "New"}}
    made = restrained(
        {**theirs, "aliases": {"a": "m", "b": "owner/m", "c": "m"}, "providers": offers, "models": {"m": {}}},
        Registry({**REGISTRY._rows, **ours, "aliases": {"a": "ours"}}), Pins(REGISTRY),
    )  # fmt: skip
    assert made["aliases"] == {"a": "ours", "c": "m"}
    assert {name: made[name] for name in ours} == ours
    assert made["models"] == {"m": {}}
    assert set(made["providers"]) == {"owner", "here"}
    assert made["providers"]["here"] == REGISTRY.providers["here"].data
    assert set(restrained({}, REGISTRY, Pins(REGISTRY))["providers"]) == {"here"}


# Whose secret it is


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("aws_secret_access_key", True), ("AWS_SECRET_ACCESS_KEY_2", False), ("AZURE_CLIENT_SECRET", True), ("GOOGLE_APPLICATION_CREDENTIALS", True),
        ("GITLAB_TOKEN", True), ("CIRCLE_TOKEN", True), ("HEROKU_API_KEY", True), ("VAULT_TOKEN", True), ("KUBECONFIG", True), ("MY_POSTGRES_URL", True),
        ("PGPASSWORD", True), ("NPM_TOKEN", True), ("STRIPE_SECRET_KEY", True), ("MY_SIGNING_KEY", True), ("DJANGO_SECRET_KEY", True), ("SSH_PRIVATE_KEY", True),
        ("SMTP_PASS", True), ("MY_PASSWORD", True), ("LITELLM_MASTER_KEY", False), ("MY_LLM_MASTER_KEY", False), ("OPENAI_DATABASE_URL", True),
        ("OPENAI_API_KEY", False), ("MY_KEY", False), ("X" * 96 + "_DSN", True), ("X" * 97 + "_DSN", False),
    ],
)  # fmt: skip
def test_secrets_of_other_things_by_their_names(name: str, foreign: bool) -> None:
    assert is_foreign(name) is foreign


# What is shown of it

LEFT = {  # of the first key: what is not the key's, or its first bits in an alphabet that mixes them with others
    "as JSON in JSON": '"\\"[key]\\""', "in base64 behind a word": "QmVhcmVyIH[key]", "in base64 behind a letter": "eH[key]", "its end alone": "-[key]",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_exactly_the_echo_is_taken_out(form: str) -> None:
    echo = FORMS[form](KEYS[0])
    assert scrub(f"a {echo} b", [KEYS[0]]) == f"a {LEFT.get(form, MARK)} b"
    twice = scrub(f"{echo} and {echo}, {echo}", [None, "", KEYS[0], KEYS[1]])
    assert twice.count(MARK) >= 2 and twice.startswith(LEFT.get(form, MARK))


LONG = "k3yA-b4c5.d6e7F8g9"  # eighteen characters, sixteen of them letters and digits


@pytest.mark.parametrize(
    ("key", "said", "shown"),
    [
        ("abcdef", "xabcdefx", "x[key]x"), ("abcde", "abcde", "abcde"), (DUMMY_KEY, DUMMY_KEY, DUMMY_KEY),
        ("0123456789abcde", "0123456789ABCDE", "0123456789ABCDE"), ("0123456789abcdef", "0123456789ABCDEF", "[key]"),
        ("0123456789abcde", "0123456789abcd", "0123456789abcd"), ("0123456789abcdef", "x3456789abcdex", "x[key]"),
        ("0123456789abcdef", "x3456789abcdx", "x3456789abcdx"), ("0123456789abcdef", "01234567", "[key]"),
        ("0123456789abcdef", "0123456", "0123456"), ("0123456789abcdef", "x456789abcdef!", "x[key]!"), ("0123456789abcdef", "x456789abcde!", "x456789abcde!"),
        (LONG, "see k3yA-b4c***, or 'k3yA-b4c...'", "see [key] or '[key]'"), (LONG, LONG.upper(), "[key]"),
        ("----------------ab", "----------------ab x", "[key] x"), ("-------------ab", "a-b", "a-b"),
        (LONG, "".join(f"\\U{ord(one):08x}" for one in LONG) + "!", "[key]!"), (LONG, "".join(f"&#{ord(one)};" for one in LONG) + "!", "[key]!"),
        (LONG, "&nosuch; " + "".join(f"\\u{ord(one):04x}" for one in LONG) + " !", "&nosuch; [key] !"),
        (LONG, "x A-b4c5&period;d6e7F8g9", "x [key]"), (LONG, "x A-b4c5&nGt;d6e7F8g9", "x A-b4c5&nGt;d6e7F8g9"),
        (LONG, f"{LONG}{LONG} {LONG}", "[key] [key]"), (LONG, f"{LONG}é{LONG}", "[key]é[key]"),
        (LONG, "\\ud800 \\U00110000 &#9999999; &nosuch; &copy; %", "\\ud800 \\U00110000 &#9999999; &nosuch; &copy; %"),
    ],
)  # fmt: skip
def test_how_much_of_a_key_is_too_much(key: str, said: str, shown: str) -> None:
    assert scrub(said, [key]) == shown


@pytest.mark.parametrize("key", KEYS)
def test_every_part_of_twelve_characters_is_found(key: str) -> None:
    alone = "".join(filter(str.isalnum, key))
    for start in range(len(alone) - 11):
        assert scrub(f"x-{alone[start : start + 12]}", [key]) == f"x-{MARK}"


def test_json_is_read_to_a_hundred_levels() -> None:
    def nested(depth: int, wrap: Any) -> Any:
        value: Any = [LONG]
        for _ in range(depth - 1):
            value = wrap(value)
        return value

    for wrap in (lambda value: [value], lambda value: {"a": value}):
        assert str(nested(100, wrap)).replace(LONG, MARK) == str(scrub_json(nested(100, wrap), [LONG]))
        assert "..." in str(scrub_json(nested(101, wrap), [LONG])) and LONG not in str(
            scrub_json(nested(101, wrap), [LONG])
        )


def test_escapes_in_three_layers_are_undone() -> None:
    once = "".join(f"%{ord(one):02x}" for one in LONG)
    html = "".join(f"&#{ord(one)};" for one in once)
    assert scrub(html + " !", [LONG]) == f"{MARK} !"
    layered = "".join(f"\\u{ord(one):04x}" for one in html)
    assert scrub(layered, [LONG]) == MARK


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "wxyz"])
@pytest.mark.parametrize("key", [*KEYS, "abcdefghijklmnop", "abcdefghijklmnopq", "abcdefghijklmnopqr"])
def test_base64_gives_at_most_a_neighbours_characters(before: str, key: str) -> None:
    code = base64.b64encode((before + key + "\0\0").encode()).decode()
    clean = scrub(code, [key])
    start = clean.index(MARK)
    assert start == len(before) * 4 // 3 + (len(before) * 8 % 6 > 0) * 0 or start <= -(-len(before) * 8 // 6)
    assert clean == code[:start] + MARK


def test_pieces_and_events_keep_their_form() -> None:
    assert scrub_pieces(["a " + LONG[:9], LONG[9:] + " b", "c"], [LONG]) == [f"a {MARK}", " b", "c"]
    assert scrub_pieces([LONG + " " + LONG, "x"], [LONG]) == [f"{MARK} {MARK}", "x"]
    assert scrub_pieces(["", LONG, ""], [LONG]) == ["", MARK, ""]
    assert scrub_pieces(["a", "b"], [LONG]) == ["a", "b"]
    body = b'event: x\ndata: {"a": "%s", "b": ["%s", 1]}\r\n\ndata: {bad\n: c\ndata: {"a": "%s"}\ndata: [DONE]\n' % (
        LONG[:6].encode(), b"same", LONG[6:].encode(),
    )  # fmt: skip
    clean = b'event: x\ndata: {"a": "[key]", "b": ["same", 1]}\r\n\ndata: {bad\n: c\ndata: {"a": ""}\ndata: [DONE]\n'
    assert scrub_events(body, [LONG]) == clean
