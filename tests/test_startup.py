"""What is loaded on the way to a first answer: exactly these modules, and nothing of weight."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.conftest import ROOT
from tests.servers import Server
from tests.test_architecture import loaded_by

# The modules of this package that each way loads. A name that comes in here costs every program its time to load:
# import it in the function that needs it, unless every call needs it.
BY_IMPORT: set[str] = set()
BY_LISTING = {
    # faces, and what makes them
    "_face", "calls", "chat", "clients", "credentials", "files", "offers", "plugins", "registry", "servers", "text",
    # the registry, and what is in it
    "errors", "text.display", "registry.registry", "registry.late_parts", "registry.provider", "registry.facts",
    "offers.offer", "offers.late_offers", "offers.offer_list", "offers.lookup", "offers.ordering", "offers.resolution", "offers.resolver", "offers.rules",
    # keys and the environment
    "credentials.keys", "credentials.hosts", "credentials.pins", "offers.access", "files.folders",
    # whether installed packages bring anything
    "calls.registries", "plugins.discovery",
    # the list itself
    "clients.provider_list", "clients.other_kinds", "clients.construction", "calls.pipeline", "calls.finder", "chat.arguments",
    # servers on this machine
    "offers.addresses", "offers.local_server", "servers.discovery", "servers.state",
}  # fmt: skip
BY_ASKING = BY_LISTING | {
    # the question and its answer
    "testing", "testing.stand_in", "clients.one_line", "calls.asker", "calls.tool_loop", "chat.completion", "chat.question", "chat.parameters",
    "chat.parameter_rules", "chat.answer", "usage", "usage.usage", "usage.cost",
    # what a reply means, and who is asked next
    "text.jsontext", "attempts", "protocols", "protocols.request", "protocols.dispatch", "protocols.openai_chat",
    "protocols.classify", "routing", "routing.router", "routing.health", "routing.policy",
    # the connection
    "calls.caller", "calls.trial", "calls.reply", "calls.waiting",
    "transport", "transport.http", "transport.sync_sender", "transport.origins", "transport.http1",
}  # fmt: skip

# Modules of Python that take a millisecond or more, or bring others that do.
OF_WEIGHT = {
    "argparse", "ast", "asyncio", "base64", "concurrent.futures", "configparser", "csv", "ctypes", "dataclasses", "datetime",
    "decimal", "difflib", "dis", "email", "encodings.idna", "fractions", "hashlib", "html", "http", "http.client", "importlib.metadata",
    "importlib.resources", "inspect", "ipaddress", "logging", "multiprocessing", "pathlib", "pickle", "platform", "queue", "shutil",
    "sqlite3", "ssl", "statistics", "string", "subprocess", "tempfile", "threading", "tokenize", "traceback", "typing", "unicodedata",
    "urllib", "urllib.parse", "urllib.request", "uuid", "xml", "zipfile", "zlib",
}  # fmt: skip

LIST = "from inference_providers import ProviderList\nassert ProviderList().find_model_providers('gpt-4o')"
ASK = "from inference_providers import ask_ai\nassert ask_ai('hi', 'openai/gpt-4o') == 'hello'"


@pytest.mark.parametrize(
    ("code", "wanted"),
    [("import inference_providers", BY_IMPORT), (LIST, BY_LISTING), (ASK, BY_ASKING)],
    ids=["import", "list", "ask"],
)
def test_what_a_way_loads(code: str, wanted: set[str], serve: Callable[..., Server]) -> None:
    loaded = loaded_by(code, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": serve().url})
    own = {name.removeprefix("inference_providers.") for name in loaded if name.startswith("inference_providers.")}
    assert sorted(own) == sorted(wanted)
    packages = {name.partition(".")[0] for name in loaded}
    assert packages - set(sys.stdlib_module_names) - {"__main__", "sitecustomize"} == {"inference_providers"}
    assert loaded & OF_WEIGHT - loaded_by("pass") == set()


def test_a_plain_question_in_a_shell_loads_nothing_of_its_options(serve: Callable[..., Server]) -> None:
    code = "from inference_providers.cli.ask import main\nmain(['-n', 'hi'], standalone_mode=False)"
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": serve().url, "INFERENCE_PROVIDERS_LOG": "off"}
    own = {name.rpartition(".")[2] for name in loaded_by(code, environ)}
    ours = {path.stem for path in (ROOT / "inference_providers" / "cli").glob("ask_*.py")} | {
        "attachments",
        "file_kinds",
    }
    assert own & ours == {"ask_options", "ask_output"}
    assert not own & {"markdown_it", "pydantic", "openai", "rich"}


def test_the_list_of_what_weighs_names_modules_that_there_are() -> None:
    """A misspelt name would be missing for ever."""
    assert {name.partition(".")[0] for name in OF_WEIGHT} <= set(sys.stdlib_module_names)
