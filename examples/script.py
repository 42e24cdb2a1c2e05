"""Ask one question, and say what to do where there is no answer.

python script.py "What is the capital of France?"
"""

from __future__ import annotations

import sys

from inference_providers import AllProvidersFailedError, InferenceProvidersError, NoCredentialsError, ask_ai


def main() -> int:
    question = " ".join(sys.argv[1:]) or "What is the capital of France?"
    try:
        answer = ask_ai(question, max_tokens=1000, timeout=60)
    except NoCredentialsError as error:  # no key, and no model on this machine; the message says what to set
        print(error, file=sys.stderr)
        return 3
    except AllProvidersFailedError as error:  # somebody was asked, and nobody answered
        for attempt in error.attempts:
            print(attempt, file=sys.stderr)
        return 1
    except InferenceProvidersError as error:  # whatever else: a message that is too long, a model that nobody has
        print(error, file=sys.stderr)
        return 1
    print(answer)
    tokens = answer.usage.total_tokens if answer.usage else "unknown"
    cost = "unknown" if answer.cost is None else f"${answer.cost:.6f}"
    print(f"{answer.model} at {answer.provider}; tokens: {tokens}; cost: {cost}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
