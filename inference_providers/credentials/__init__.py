"""Keys, where each may go, and what is taken out of a text that holds one."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.credentials.foreign_secrets import is_foreign as is_foreign
    from inference_providers.credentials.hosts import Address as Address
    from inference_providers.credentials.hosts import address_of as address_of
    from inference_providers.credentials.hosts import fill_endpoint as fill_endpoint
    from inference_providers.credentials.hosts import host_of as host_of
    from inference_providers.credentials.hosts import is_loopback as is_loopback
    from inference_providers.credentials.hosts import is_private as is_private
    from inference_providers.credentials.hosts import origin_of as origin_of
    from inference_providers.credentials.hosts import sources_of as sources_of
    from inference_providers.credentials.hosts import told as told
    from inference_providers.credentials.hosts import variables_of as variables_of
    from inference_providers.credentials.hosts import written_address as written_address
    from inference_providers.credentials.keys import DUMMY_KEY as DUMMY_KEY
    from inference_providers.credentials.keys import Credential as Credential
    from inference_providers.credentials.keys import Environment as Environment
    from inference_providers.credentials.keys import LateKey as LateKey
    from inference_providers.credentials.keys import Secret as Secret
    from inference_providers.credentials.keys import Secretive as Secretive
    from inference_providers.credentials.keys import find as find
    from inference_providers.credentials.keys import hidden as hidden
    from inference_providers.credentials.keys import near_misses as near_misses
    from inference_providers.credentials.keys import refusal as refusal
    from inference_providers.credentials.pins import Pins as Pins
    from inference_providers.credentials.redaction import MARK as MARK
    from inference_providers.credentials.redaction import scrub as scrub
    from inference_providers.credentials.redaction import scrub_bytes as scrub_bytes
    from inference_providers.credentials.redaction import scrub_events as scrub_events
    from inference_providers.credentials.redaction import scrub_json as scrub_json
    from inference_providers.credentials.tokens import Tokens as Tokens
    from inference_providers.credentials.trust import NEWCOMER as NEWCOMER
    from inference_providers.credentials.trust import restrained as restrained
    from inference_providers.credentials.trust import stray_keys as stray_keys
    from inference_providers.credentials.trust import without_strays as without_strays

_HOME = {
    "foreign_secrets": ("is_foreign",),
    "hosts": (
        "Address",
        "address_of",
        "fill_endpoint",
        "host_of",
        "is_loopback",
        "is_private",
        "origin_of",
        "sources_of",
        "told",
        "variables_of",
        "written_address",
    ),
    "keys": (
        "Credential",
        "DUMMY_KEY",
        "Environment",
        "LateKey",
        "Secret",
        "Secretive",
        "find",
        "hidden",
        "near_misses",
        "refusal",
    ),
    "pins": ("Pins",),
    "redaction": (
        "MARK",
        "scrub",
        "scrub_bytes",
        "scrub_events",
        "scrub_json",
    ),
    "tokens": ("Tokens",),
    "trust": (
        "NEWCOMER",
        "restrained",
        "stray_keys",
        "without_strays",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)
