"""Label each row of a table: reviews.csv gets the columns answer, cost and error, as labelled.csv.

    python csv_batch.py reviews.csv labelled.csv

Started again after an interruption, it asks only what has no answer yet.
"""

from __future__ import annotations

import sys
from pathlib import Path

from inference_providers import InferenceProvidersError, batch

PROMPT = "Is this review positive, negative or mixed? Answer with that word alone.\n\n{review}"


def main() -> int:
    if len(sys.argv) != 3:
        print("Usage: python csv_batch.py TABLE OUTPUT; the table has a column named review", file=sys.stderr)
        return 2
    table, output = map(Path, sys.argv[1:])
    try:
        done = batch(table, "auto:small", prompt=PROMPT, out=output, max_cost=1.0)
    except (InferenceProvidersError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(done.summary)
    return 0 if all(result.ok for result in done) else 1


if __name__ == "__main__":
    sys.exit(main())
