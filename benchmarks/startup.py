"""What a fresh process costs: importing the package, listing offers, asking one question; and what making a list costs.

Run `python -m benchmarks.startup [ROUNDS]` from the checkout, in an environment that has the
package's dependencies. Every script runs in a fresh process with warm byte code; the questions
go to a server on loopback, so no key, no network and no model's thinking is in the numbers.
`litellm` and `aisuite` are measured where they are installed. A target counts as met when both
the best and the median time keep to it.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from benchmarks.common import ANSWER, NO_MARK, TEST_KEY, clean_python, live_server, print_table, time_scripts, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.common import Times

BARE, IMPORT, OFFERS = "bare Python (`pass`)", "`import inference_providers`", "list offers for one model"
ASK, SDK, REQUESTS = '`ask_ai("hi")`, cold', "`openai` SDK, model hard-coded", "`requests`, model hard-coded"
HEAVY = {"openai", "requests", "aiohttp", "httpx2", "jsonschema"}

STARTS = {
    BARE: "pass",
    IMPORT: "import inference_providers",
    OFFERS: (
        'from inference_providers import ProviderList; print(ProviderList().find_model_providers("llama-3.3-70b"))'
    ),
}
QUESTIONS = {
    ASK: 'from inference_providers import ask_ai; print(ask_ai("hi"))',
    SDK: """
from openai import OpenAI
reply = OpenAI().chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
print(reply.choices[0].message.content)
""",
    REQUESTS: """
import os, requests
reply = requests.post(
    os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
    json={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]},
)
print(reply.json()["choices"][0]["message"]["content"])
""",
}
PEERS = {
    "litellm": """
import os, litellm
reply = litellm.completion(
    model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "hi"}], api_base=os.environ["OPENAI_BASE_URL"]
)
print(reply.choices[0].message.content)
""",
    "aisuite": """
import aisuite
reply = aisuite.Client().chat.completions.create(
    model="openai:gpt-4o-mini", messages=[{"role": "user", "content": "hi"}]
)
print(reply.choices[0].message.content)
""",
}

PLAIN = "ProviderList(environ={}, local=False)"
CONNECTION = '{"endpoint": "https://x.example/v1", "api_key": "X_KEY"}'
OWN = f'{{"providers": {{"x": {{"connection": {CONNECTION}, "model_names": {{"m": "m"}}}}}}}}'
CONSTRUCTIONS = {
    "plain": PLAIN,
    "`json_merge`, an alias": 'ProviderList(json_merge={"aliases": {"work": "gpt-4o"}}, environ={}, local=False)',
    "`json_merge`, a provider": f"ProviderList(json_merge={OWN}, environ={{}}, local=False)",
    "`json_override`, a provider": f"ProviderList(json_override={OWN}, environ={{}}, local=False)",
    '`mock={"*": ...}`': 'ProviderList(mock={"*": "hi"})',
    "`MetaInferenceEngine`, `api_url`": (
        "(lambda made: made._engine('m', None, made._remote))"
        "(MetaInferenceEngine(remote_params={'api_url': 'http://127.0.0.1:9/v1'}))"
    ),
}
CONSTRUCTING = f"""
import time
from inference_providers import MetaInferenceEngine, ProviderList
{PLAIN}.get_canonical_model_names()
taken = []
for _ in range(20):
    started = time.process_time()
    made = %s
    taken.append((time.process_time() - started) * 1000)
print(taken)
"""


def constructions(python: str, environ: Mapping[str, str], rounds: int) -> list[list[str]]:
    """CPU milliseconds of making a list in a process that has made a plain one: the first of its kind, and later ones."""
    first: dict[str, list[float]] = {name: [] for name in CONSTRUCTIONS}
    later: dict[str, list[float]] = {name: [] for name in CONSTRUCTIONS}
    for _ in range(rounds):
        for name, code in CONSTRUCTIONS.items():
            command = [python, "-c", CONSTRUCTING % code]
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
            taken = ast.literal_eval(done.stdout)
            first[name].append(taken[0])
            later[name] += taken[1:]
    plain = min(later["plain"])
    return [
        [
            name,
            f"{min(first[name]):.2f}",
            f"{statistics.median(first[name]):.2f}",
            f"{min(later[name]):.2f}",
            f"{statistics.median(later[name]):.2f}",
            "reference" if name == "plain" else "best at most 5 ms over plain",
            NO_MARK if name == "plain" else verdict(min(later[name]) - plain <= 5),
        ]
        for name in CONSTRUCTIONS
    ]


def heavy_imports(python: str, environ: Mapping[str, str]) -> set[str]:
    """Which of the heavy dependencies the offers script imports; it should be none."""
    script = f"{STARTS[OFFERS]}\nimport sys; print(sorted(sys.modules))"
    done = subprocess.run([python, "-c", script], env=environ, capture_output=True, text=True, check=True)
    return HEAVY & set(ast.literal_eval(done.stdout.splitlines()[-1]))


def row(name: str, times: Times, reference: Times, target: str, met: bool | None) -> list[str]:
    """One row: milliseconds, and how many times the reference."""
    return [
        name,
        f"{times.best * 1000:.1f}",
        f"{times.median * 1000:.1f}",
        f"{times.best / reference.best:.2f}x",
        f"{times.median / reference.median:.2f}x",
        target,
        NO_MARK if met is None else verdict(met),
    ]


def main() -> None:
    """Measure, and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with clean_python() as (python, environ), live_server() as url:
        starts = time_scripts(python, STARTS, {**environ, "GROQ_API_KEY": TEST_KEY}, rounds)
        heavy = heavy_imports(python, {**environ, "GROQ_API_KEY": TEST_KEY})
        made = constructions(python, environ, rounds)
        # litellm would fetch a price list at every start; it is spared that here
        asking = {"OPENAI_API_KEY": TEST_KEY, "OPENAI_BASE_URL": url, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        questions = QUESTIONS | {f"`{name}`": script for name, script in PEERS.items() if find_spec(name)}
        asked = time_scripts(python, questions, {**environ, **asking}, rounds, expect=ANSWER)

    bare, imported, listed = starts[BARE], starts[IMPORT], starts[OFFERS]
    ask, sdk = asked[ASK], asked[SDK]
    over = max(imported.best - bare.best, imported.median - bare.median) * 1000
    times_bare = max(listed.best / bare.best, listed.median / bare.median)
    times_sdk = max(ask.best / sdk.best, ask.median / sdk.median)
    rows = [
        row(BARE, bare, bare, "reference of the next two", None),
        row(IMPORT, imported, bare, "at most 15 ms over bare Python", over <= 15),
        row(OFFERS, listed, bare, "at most 3.5x bare Python", times_bare <= 3.5),
        row(SDK, sdk, sdk, "reference of the rest", None),
        row(ASK, ask, sdk, "at most 0.10x the SDK script", times_sdk <= 0.10),
    ]
    rows += [row(name, times, sdk, NO_MARK, None) for name, times in asked.items() if name not in (ASK, SDK)]
    print_table(
        ["fresh process", "best, ms", "median, ms", "ratio of best", "ratio of median", "target", "result"], rows
    )
    print(f"\n{rounds} rounds. Import over bare Python: {over:.1f} ms. ", end="")
    print(f"Heavy modules that listing offers imports: {', '.join(sorted(heavy)) or 'none'} ({verdict(not heavy)}).\n")
    head = ["construction", "CPU, first, best, ms", "first, median", "later, best", "later, median", "target", "result"]
    print_table(head, made)


if __name__ == "__main__":
    main()
