"""What lies on this machine: states of servers, caches and model lists that others made; what engines get; a user without a home."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.attack.kit import within
from benchmarks.attack.put_back import having
from inference_providers import InferenceProvidersError, ProviderList, RegistryError

PROMPT = "the-secret-prompt"
STRANGER = 54321  # a user whom the system does not know
NAMES = [
    "HF",
    "HUGGINGFACE",
    "OLLAMA",
    "XDG",
    "LC",
    "CUDA",
    "NVIDIA",
    "TORCH",
    "VLLM",
    "SGLANG",
    "LLAMA",
    "GGML",
    "PYTORCH",
    "TRANSFORMERS",
    "MKL",
    "OPENAI",
    "AWS",
    "MY",
]
WORDS = [
    "TOKEN",
    "ACCESSTOKEN",
    "PWD",
    "COOKIE",
    "SESSION_COOKIE",
    "SESSION",
    "KEYFILE",
    "ENDPOINT",
    "API_KEY",
    "AUTH",
    "PASSPHRASE",
    "LICENSE",
    "JWT",
    "CREDS",
    "BEARER",
    "LOGIN",
    "KEY_RING",
    "URL",
]
USUAL = ["HOME", "HF_HOME", "OLLAMA_MODELS", "CUDA_HOME", "LANG", "TMPDIR", "VLLM_CACHE_ROOT"]


def _given_away(dice: Random, folders: list[Path], files: list[Path]) -> None:
    """Let others own or write one of the places; or none of them."""
    place = dice.choice([*folders, *files])
    if dice.random() < 0.5 and os.geteuid() == 0:
        os.lchown(place, STRANGER, -1)
    else:
        place.chmod(dice.choice([0o777, 0o707, 0o773]))


def states(dice: Random, folder: Path) -> Iterator[str | None]:
    """A stranger's port stands in the state of a launched server, in a folder that others prepared, or in one's own."""
    from inference_providers.files import locks
    from inference_providers.registry.registry import bundled
    from inference_providers.servers.launchables import Launchables
    from inference_providers.testing import tiny_model
    from tests.servers import Server
    from tests.test_folders import forged
    from tests.test_launch import a_list

    model = tiny_model.write(str(folder / "tiny.gguf"))
    with Server() as server:
        while True:
            home = folder / f"state-{dice.getrandbits(32):x}"
            (home / "inner").mkdir(parents=True, mode=0o700)
            os.environ["XDG_STATE_HOME"] = str(home / "inner")
            (wanted,) = Launchables(bundled(), os.environ).matching(model, "llama.cpp")
            leaf = Path(wanted.folder)
            forged(str(leaf), server.port)
            held = os.open(leaf / "lock", os.O_RDWR)
            locks.take(held)
            for path in [leaf, *leaf.parents]:
                if path.is_relative_to(home):
                    path.chmod(0o700)
            if dice.random() < 0.8:
                _given_away(dice, [home, home / "inner", leaf.parent, leaf], [leaf / "state.json"])
            said = None
            try:
                with within(20):
                    a_list().ask_ai(PROMPT, f"llama.cpp/{model}", max_tokens=2, timeout=1)
            except InferenceProvidersError:
                said = None
            except BaseException as error:  # noqa: BLE001  (that is untyped, or hangs)
                said = repr(error)
            heard = any(PROMPT.encode() in request.raw for request in server.requests)
            server.requests.clear()
            os.close(held)
            shutil.rmtree(home)
            yield "a stranger heard the prompt" if heard else said


def caches(dice: Random, folder: Path) -> Iterator[str | None]:
    """A cached registry that was made by hand, with a right sum: anything in any place, or in a folder for everybody."""
    from inference_providers.registry.registry import bundled
    from tests.test_caches import JUNK, SMALL, altered, by_hand, places, used

    everywhere = places(SMALL)
    while True:
        kept = folder / f"kept-{dice.getrandbits(32):x}"
        registry: Any = SMALL
        others = dice.random() < 0.2
        for _ in range(0 if others else dice.choice([1, 1, 3])):
            with suppress(KeyError, IndexError, TypeError):
                registry = altered(registry, dice.choice(everywhere), dice.choice(JUNK))
        by_hand(kept, json.dumps(registry).encode())
        if others:
            kept.chmod(0o777)
        try:
            version, warnings = used(kept)
            said = (
                f"a registry of others, version {version}, is in force"
                if others and version != bundled().version
                else ""
            )
            said = said or (f"{len(warnings)} warnings" if len(warnings) > 1 else "")
        except BaseException as error:  # noqa: BLE001  (nothing may come of it)
            said = f"{registry!r}"[:0] + repr(error)[:300]
        shutil.rmtree(kept)
        yield said or None


def lists(dice: Random, folder: Path) -> Iterator[str | None]:
    """A model list that is none: one of the package's errors for who names it, and nobody else minds."""
    from inference_providers import initialize_llm_registry
    from inference_providers.servers import model_lists
    from tests.conftest import list_of
    from tests.servers import Server
    from tests.test_model_lists import BAD

    few = [text for what, text in BAD.items() if "billions" not in what and "huge" not in what]
    place = Path(os.environ["XDG_CONFIG_HOME"], "inference_providers")
    place.mkdir(parents=True, mode=0o700)
    path = place / "models.yaml"
    with Server() as server:
        while True:
            text = dice.choice(few)
            if dice.random() < 0.5:
                at = dice.randrange(len(text) + 1)
                text = (
                    text[:at]
                    + dice.choice(["", "!!timestamp x", "!!int ''", "[", "{", ": ", "\n", "&a ", "*a", "\x00", "- "])
                    + text[at + dice.choice([0, 1]) :]
                )
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            try:
                with having(model_lists, _listed=None, _kept={}), within(20):
                    said = "" if list_of(server.url).ask_ai("hi") == "hello" else "no answer"
                    with suppress(RegistryError):
                        initialize_llm_registry(path)
            except BaseException as error:  # noqa: BLE001  (that is untyped, or hangs)
                said = f"{text[:80]!r}: {error!r}"[:300]
            yield said or None


def engines(dice: Random, folder: Path) -> Iterator[str | None]:
    """What an engine gets of the environment, and of a model's name: no secret, no login, no option."""
    from inference_providers.registry.registry import bundled
    from inference_providers.servers.engines import environment
    from inference_providers.servers.launchables import Launchables
    from inference_providers.testing import tiny_model

    while True:
        if dice.random() < 0.9:
            canary = f"canary-{dice.getrandbits(64):016x}"
            given = {f"{dice.choice(NAMES)}_{dice.choice(WORDS)}": canary for _ in range(4)}
            given[dice.choice(USUAL)] = f"https://user:{canary}@host.example/x"
            passed = [name for name, value in environment({**given, "PATH": "/bin"}).items() if canary in value]
            yield f"an engine gets {passed[0]}" if passed else None
            continue
        name = dice.choice(["--port=80", "-m", "--host=0.0.0.0", "--", "-", "--api-key=x"])
        path = tiny_model.write(str(folder / f"{name}.gguf"))
        found = Launchables(bundled(), os.environ).matching(path, "llama.cpp")
        bad = [str(one._values["name"]) for one in found if str(one._values["name"]).startswith("-")]
        yield f"an engine gets the option {bad[0]}" if bad else None


def homeless(dice: Random, folder: Path) -> Iterator[str | None]:
    """A user whom the system does not know, without HOME: the usual errors, and no folder relative to where one is."""
    import pwd

    from inference_providers import NoCredentialsError, get_available_models
    from inference_providers.servers.state import servers_folder

    def unknown(uid: int) -> Any:
        raise KeyError(uid)

    def asks() -> Any:
        return ProviderList(environ=os.environ, local=False).ask_ai("hi")

    def updates() -> Any:
        ProviderList(environ=os.environ, local=False, auto_update=True, update_url="http://127.0.0.1:9/none.json")

    def launches() -> Any:
        ProviderList(environ=os.environ, local_models=["x.gguf"]).ask_ai("hi", "llama.cpp/x.gguf", timeout=1)

    def where() -> Any:
        if servers_folder(os.environ) and not os.path.isabs(servers_folder(os.environ)):
            raise RuntimeError(f"servers are kept in {servers_folder(os.environ)}")

    before = dict(os.environ)
    cwd = Path.cwd()
    try:
        os.chdir(folder)
        while True:
            for name in ("HOME", *(name for name in before if name.startswith("XDG_"))):
                os.environ.pop(name, None)
            os.environ.update(
                dice.choice([{}, {"HOME": ""}, {"HOME": "here"}, {"XDG_STATE_HOME": "state", "XDG_CACHE_HOME": "./c"}])
            )
            way = dice.choice([asks, updates, launches, where, get_available_models])
            try:
                with having(pwd, getpwuid=unknown):
                    way()
                said = ""
            except (NoCredentialsError, InferenceProvidersError):
                said = ""
            except Exception as error:  # noqa: BLE001  (that is untyped)
                said = f"{way.__name__}: {error!r}"
            left = [path.name for path in folder.iterdir()]
            yield said or (f"{left} in the current folder" if left else None)
    finally:
        os.chdir(cwd)
