"""llama.cpp's server out of the package `xllamacpp`, as a program of its own: options as of `llama-server`.

The key is in `LLAMA_API_KEY`. It is run as a file, and imports nothing of this package.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys


def main() -> None:
    """Serve one model until told to end."""
    import xllamacpp

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", required=True)
    options.add_argument("--alias", required=True)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--ctx-size", type=int, default=0)
    options.add_argument("--parallel", type=int, default=4)
    options.add_argument("--threads", type=int, help="default: one for each core")
    arguments = options.parse_args()
    params = xllamacpp.CommonParams()  # pyright: ignore[reportAttributeAccessIssue]  (an extension without stubs)
    params.model.path = arguments.model
    params.model_alias = {arguments.alias}
    params.hostnames = [arguments.host]
    params.port = arguments.port
    params.n_ctx = arguments.ctx_size
    params.n_parallel = arguments.parallel
    params.kv_unified = True  # each request may use the whole context, while others are short
    if arguments.threads:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = arguments.threads
    params.ui = False
    if os.environ.get("LLAMA_API_KEY"):
        params.api_keys = [os.environ.pop("LLAMA_API_KEY")]
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))  # the server's threads do not end by themselves
    try:
        server = xllamacpp.Server(params)  # pyright: ignore[reportAttributeAccessIssue]  (as above)
    except RuntimeError as error:  # what is wrong it has said before
        sys.exit(str(error))
    sys.stderr.write(f"listening at {server.listening_address}\n")
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
