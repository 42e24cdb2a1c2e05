"""The main job on real input: ask a question, answered by whatever this machine has.

With a key in the environment, a model server running here or a model of your own, that one answers. With
none of them a small open model is fetched once (smollm2, 100 MB, by `inference-providers local get smollm2`),
and a llama.cpp server is started with it. Where it cannot be had, a tiny model is written that is untrained: its reply
is noise, but the way is real.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import closing

from inference_providers import Answer, InferenceProvidersError, NoCredentialsError, ProviderList
from inference_providers.testing import tiny_model

QUESTION = "What is the capital of France? Answer in one sentence."
PROGRAM = [sys.executable, "-m", "inference_providers"]
NOTES = {
    "tiny": "(A llama.cpp server answered, with a tiny untrained model: noise.)",
    "smollm2": "(A llama.cpp server answered, with SmolLM2-135M-Instruct, which stays in your models folder.\n"
    "Your programs that have neither a key nor a server ask it. A model of this size errs often.)",
}


def main() -> int:
    """Ask, then tell what was found, what was chosen and why."""
    question = " ".join(sys.argv[1:]) or QUESTION
    print(f'$ ask-ai "{question}"', flush=True)
    with tempfile.TemporaryDirectory() as folder, closing(ProviderList(verbose=True)) as models:
        try:
            answer = asked(models, question, folder)
        except InferenceProvidersError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"\n{answer}\n")
        if note := NOTES.get(answer.model or ""):
            print(f"{note}\n")
        print("What was found, and why this was chosen:\n", flush=True)
        return subprocess.run([*PROGRAM, "doctor"], check=False).returncode


def asked(models: ProviderList, question: str, folder: str) -> Answer:
    """The answer; with nothing here that could give one, that of a small model, or of one that is written in *folder*."""
    try:
        return models.ask_ai(question, max_tokens=60, temperature=0)  # a small model tells fewer tales without chance
    except NoCredentialsError:
        print("No key, no server and no model is here. Fetching a small open model, 100 MB, once.", flush=True)
        if subprocess.run([*PROGRAM, "local", "get", "smollm2"], check=False).returncode != 0:
            print("So a tiny untrained model is written instead.", flush=True)
            path = tiny_model.write(os.path.join(folder, "tiny.gguf"))
            os.environ["INFERENCE_PROVIDERS_LOCAL_MODEL"] = path
        return models.ask_ai(question, max_tokens=60, temperature=0)


if __name__ == "__main__":
    sys.exit(main())
