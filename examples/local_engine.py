"""Ask a model file on this machine. A server for it is started, shared with other programs, and stopped when unused.

pip install xllamacpp
python local_engine.py path/to/model.gguf "What is the capital of France?"
"""

from __future__ import annotations

import sys

from inference_providers import InferenceProvidersError, ProviderList


def main() -> int:
    if len(sys.argv) < 2:
        print("Usage: python local_engine.py MODEL.gguf [QUESTION]", file=sys.stderr)
        return 2
    path, question = sys.argv[1], " ".join(sys.argv[2:]) or "What is the capital of France?"
    mine = {"name": "mine", "model_path": path, "context": 2048, "idle": 60}
    models = ProviderList(local_models=[mine])
    try:
        for piece in models.stream(question, "mine", max_tokens=200):
            print(piece, end="", flush=True)
    except InferenceProvidersError as error:  # no such file, no engine, no memory: the message says which
        print(error, file=sys.stderr)
        return 1
    finally:
        models.close()
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
