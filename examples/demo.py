"""The main job on real input: ask a question, answered by whatever this machine has.

With a key in the environment, a model server running here or a model of your own, that one answers. With
none of them a small open model is fetched once (smollm2, 100 MB, as `inference-providers local get smollm2` does it),
and a llama.cpp server is started with it. Where it cannot be had, a tiny model is written that is untrained: its reply
is noise, but the way is real.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from inference_providers import LocalServerError, ProviderList
from inference_providers.cli.doctor_report import examine, report
from inference_providers.servers import discovery, getting, open_models
from inference_providers.testing import tiny_model

QUESTION = "What is the capital of France? Answer in one sentence."
LITTLE = ["--temperature", "0"]  # a small model tells fewer tales without chance


def main() -> int:
    """Ask, then tell what was found, what was chosen and why."""
    question = " ".join(sys.argv[1:]) or QUESTION
    small = open_models.named(open_models.SMALLEST)
    chosen = ProviderList().explain().chosen
    said, options = "", LITTLE if chosen is not None and chosen.internal_name == small.name else []
    with tempfile.TemporaryDirectory() as folder:
        if chosen is None and discovery.home_models(os.environ) in ([], [getting.place(small, os.environ)]):
            said, options = with_nothing(small, folder), LITTLE
        print(f'$ ask-ai "{question}"', flush=True)
        ask = Path(sys.executable).with_name("ask-ai")
        done = subprocess.run([str(ask), "--max-tokens", "60", "-v", *options, question], check=False)
        print(f"\n{said}What was found, and why this was chosen:\n\n{report(examine(ProviderList()))}")
    return done.returncode


def with_nothing(small: open_models.OpenModel, folder: str) -> str:
    """Have a model to ask: the small one, or what can be written in *folder*. What to say of it, for a person."""
    if not getting.is_here(small, os.environ):
        print(f"No key, no server and no model is here. Fetching {small.title}, {small.licence}, 100 MB, once.")
    try:
        path = getting.get(small, os.environ, lambda message: print(message, flush=True))
    except LocalServerError as error:
        print(f"{error}\nSo a tiny untrained model is written instead.", flush=True)
        os.environ[discovery.MODEL_VARIABLE] = tiny_model.write(os.path.join(folder, "tiny.gguf"))
        return "(A llama.cpp server answered, with a tiny untrained model: noise.)\n\n"
    os.environ[discovery.MODEL_VARIABLE] = path
    return (
        f"(A llama.cpp server answered, with {small.title}, which stays here: {path}\n"
        "Your programs that have neither a key nor a server ask it. A model of this size errs often.)\n\n"
    )


if __name__ == "__main__":
    sys.exit(main())
