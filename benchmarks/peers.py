"""What comes with a package: what is installed, what a fresh process costs, and the memory of it, beside other packages.

Run `python -m benchmarks.peers [ROUNDS] [--in FOLDER]` from the checkout. Each package gets a virtual environment of its
own, with what its README says to install for OpenAI, below FOLDER (where they are kept for the next run) or a temporary
one. Every script runs in a fresh process with warm byte code and asks a server on loopback, so no key, no network and
no model's thinking is in the numbers. Linux: memory is the peak that the kernel tells of the process.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import ExitStack
from pathlib import Path

from benchmarks.common import ANSWER, ROOT, TEST_KEY, live_server

OURS = "inference_providers"
PACKAGES = {  # name -> (what pip is told to install, import, a question)
    OURS: (
        str(ROOT),
        "import inference_providers",
        'from inference_providers import ask_ai\nprint(ask_ai("hi", "gpt-4o-mini"))',
    ),
    "openai": (
        "openai",
        "import openai",
        "import openai\nreply = openai.OpenAI().chat.completions.create(\n"
        '    model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])\nprint(reply.choices[0].message.content)',
    ),
    "litellm": (
        "litellm",
        "import litellm",
        "import os, litellm\nreply = litellm.completion(\n"
        '    model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "hi"}],\n'
        '    api_base=os.environ["OPENAI_BASE_URL"])\nprint(reply.choices[0].message.content)',
    ),
    "any-llm-sdk": (
        "any-llm-sdk[openai]",
        "import any_llm",
        "import os\nfrom any_llm import completion\nreply = completion(\n"
        '    model="gpt-4o-mini", provider="openai", messages=[{"role": "user", "content": "hi"}],\n'
        '    api_base=os.environ["OPENAI_BASE_URL"])\nprint(reply.choices[0].message.content)',
    ),
    "aisuite": (
        "aisuite[openai]",
        "import aisuite",
        "import aisuite\nreply = aisuite.Client().chat.completions.create(\n"
        '    model="openai:gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])\n'
        "print(reply.choices[0].message.content)",
    ),
    "llm": (
        "llm",
        "import llm",
        "import os\nfrom llm.default_plugins.openai_models import Chat\n"
        'model = Chat("gpt-4o-mini", api_base=os.environ["OPENAI_BASE_URL"])\n'
        'print(model.prompt("hi", key=os.environ["OPENAI_API_KEY"], stream=False).text())',
    ),
    "pydantic-ai": (
        "pydantic-ai-slim[openai]",
        "import pydantic_ai",
        'from pydantic_ai import Agent\nprint(Agent("openai-chat:gpt-4o-mini").run_sync("hi").output)',
    ),
}
MEMORY = "\nimport resource; print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def environment(name: str, folder: Path) -> Path:
    """The Python of a package's environment, which is made where there is none."""
    home = folder / name
    python = home / "bin" / "python"
    if not python.exists():
        print(f"installing {name}", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGES[name][0]]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    return python


def installed(python: Path) -> tuple[str, int, float]:
    """(version of the package, how many packages there are, MB of files without byte code); without pip's own."""
    code = """
import json, os
from importlib.metadata import distributions
size, count, versions = 0, 0, {}
for found in distributions():
    name = found.metadata["Name"].lower().replace("_", "-")
    if name not in ("pip", "setuptools", "wheel"):
        count, versions[name] = count + 1, found.version
        paths = [str(found.locate_file(file)) for file in found.files or () if not str(file).endswith(".pyc")]
        size += sum(os.path.getsize(path) for path in paths if os.path.exists(path))
print(json.dumps([versions, count, size]))
"""
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    versions, count, size = json.loads(done.stdout)
    name = python.parent.parent.name.replace("_", "-")
    return versions.get(name) or versions[f"{name}-slim"], count, size / 1e6


def once(python: Path, script: str, environ: dict[str, str], expect: str) -> tuple[float, int]:
    """(seconds, KiB of memory at most) of one fresh process."""
    started = time.perf_counter()
    done = subprocess.run([python, "-c", script + MEMORY], env=environ, check=False, capture_output=True, text=True)
    taken = time.perf_counter() - started
    if done.returncode or expect not in done.stdout:
        raise RuntimeError(f"{python}: {done.stdout}{done.stderr}")
    return taken, int(done.stdout.split()[-1])


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=10)
    parser.add_argument("--in", dest="folder", type=Path)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(live_server())
        pythons = {name: environment(name, folder) for name in PACKAGES}
        environ = {
            "PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", "OPENAI_API_KEY": TEST_KEY,
            "OPENAI_BASE_URL": url, "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }  # fmt: skip
        imports: dict[str, list[float]] = {name: [] for name in PACKAGES}
        answers: dict[str, list[float]] = {name: [] for name in PACKAGES}
        peaks: dict[str, list[int]] = {name: [] for name in PACKAGES}
        for turn in range(given.rounds + 2):
            for name in random.sample(list(PACKAGES), len(PACKAGES)):
                imported, _ = once(pythons[name], PACKAGES[name][1], environ, "")
                asked, peak = once(pythons[name], PACKAGES[name][2], environ, ANSWER)
                if turn >= 2:
                    imports[name].append(imported)
                    answers[name].append(asked)
                    peaks[name].append(peak)
        first = statistics.median(answers[OURS])
        print("| | version | packages | MB installed | import, ms | first answer, ms | ratio | peak memory, MiB |")
        print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for name in PACKAGES:
            version, count, size = installed(pythons[name])
            taken = statistics.median(answers[name])
            print(
                f"| {name} | {version} | {count} | {size:.0f} | {statistics.median(imports[name]) * 1000:.0f} "
                f"| {taken * 1000:.0f} | {taken / first:.1f}x | {statistics.median(peaks[name]) / 1024:.0f} |"
            )
        print(
            f"\nMedians of {given.rounds} rounds in turns. Imports and answers are whole processes, Python's start in them."
        )


if __name__ == "__main__":
    main()
