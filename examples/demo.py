"""The main job on real input: ask a question, answered by whatever this machine has.

With a key in the environment or a model server running here, that one answers. With
neither, a llama.cpp server is started on a loopback port with a tiny model that this
script writes first. That model is untrained, so its reply is noise; the way is real.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from inference_providers import ProviderList
from inference_providers.cli.doctor_report import examine, report
from inference_providers.testing import tiny_model


def main() -> int:
    """Ask, then tell what was found, what was chosen and why."""
    question = " ".join(sys.argv[1:]) or "Come here often?"
    providers = ProviderList()
    print(f'$ ask-ai "{question}"', flush=True)
    with tempfile.TemporaryDirectory() as folder:
        environ = dict(os.environ)
        nothing = not providers.explain().chosen and not environ.get("INFERENCE_PROVIDERS_LOCAL_MODEL")
        if nothing:
            environ["INFERENCE_PROVIDERS_LOCAL_MODEL"] = tiny_model.write(os.path.join(folder, "tiny.gguf"))
        ask = Path(sys.executable).with_name("ask-ai")
        done = subprocess.run([str(ask), "--max-tokens", "60", "-v", question], env=environ, check=False)
        os.environ.update(environ)
        if nothing:
            print(
                "\n(No key and no server was found, so a llama.cpp server answered, with a tiny untrained model: noise.)"
            )
        print(f"\nWhat was found, and why this was chosen:\n\n{report(examine(ProviderList()))}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
