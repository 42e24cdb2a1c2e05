"""The actor that all workers of a batch know: what they are to do, with which keys, and their permits.

One for each batch, on the driver's node. What a list was made of, keys included, is told to this actor and asked of it
in small pieces, from process to process: it is in no argument of a task or an actor, which Ray keeps and shows, and
never in the object store, whose files may be written to disk.
"""

from __future__ import annotations

import pickle
import time
from contextlib import contextmanager

from inference_providers import __version__
from inference_providers.credentials import Secret
from inference_providers.routing import Pace, Permits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.batches import Job
    from inference_providers.calls import Pipeline
    from inference_providers.routing import Grant, Lane, Report

PIECE = 50_000  # bytes: below what Ray puts into the object store
# Options of the driver's alone, and those of its pace, which is the dealer's here.
_DRIVERS = {
    *("out", "resume", "progress", "input_format", "encoding", "engine", "address", "actors", "on_error"),
    *("as_completed", "csv_formulas", "concurrency", "adaptive", "requests_per_minute", "tokens_per_minute"),
}


class Dealer:
    """Told once what the batch is; then answers workers."""

    def __init__(self, concurrency: int | str, rates: Mapping[str, Any]) -> None:
        self._permits = Permits(Pace(concurrency, time.monotonic, **rates))
        self._pieces: list[bytes] = []
        self._failure = b""

    def tell(self, piece: bytes) -> None:
        """A piece more of what the batch is."""
        self._pieces.append(piece)

    def piece(self, number: int) -> bytes:
        """A piece of what the batch is; empty after the last."""
        return self._pieces[number] if number < len(self._pieces) else b""

    def report(self, worker: str, reports: Mapping[Lane, Report]) -> dict[Lane, Grant]:
        """What a worker may do from now on."""
        return self._permits.report(worker, reports)

    def fail(self, error: bytes) -> None:
        """What has ended a worker: the first is kept."""
        self._failure = self._failure or error

    def failure(self) -> bytes:
        """What has ended the first worker that failed; empty where none has."""
        return self._failure

    def numbers(self) -> dict[str, Any]:
        """What is leased."""
        return self._permits.numbers()


def dealer_of(ray: Any, pipeline: Pipeline, job: Job) -> Any:
    """A dealer for a batch. Raises ValueError where a list cannot be made again elsewhere."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # pyright: ignore[reportMissingImports]

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    made = ray.remote(Dealer).options(num_cpus=0, max_restarts=0, scheduling_strategy=here)
    dealer = made.remote(job.given.get("concurrency", "auto"), _rates(job.given))
    content = packed(pipeline, job)
    for begin in range(0, len(content), PIECE):
        ray.get(dealer.tell.remote(content[begin : begin + PIECE]))
    return dealer


def _rates(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("adaptive", "requests_per_minute", "tokens_per_minute")
    return {name: given[name] for name in names if name in given}


def packed(pipeline: Pipeline, job: Job) -> bytes:
    """What a worker makes its list and its job of."""
    from ray import cloudpickle

    if pipeline.given is None:
        raise ValueError("this list cannot be made again on other machines: make it by ProviderList(...)")
    providers = dict(pipeline.given())
    if (environ := providers["environ"]) is not None:
        providers["environ"] = {name: _plain(environ[name]) for name in environ}
    options = {name: _plain(value) for name, value in job.given.items() if name not in _DRIVERS}
    told: dict[str, Any] = {"version": __version__, "providers": providers, "options": options}
    told |= {"most": job.pace.most, "counts_tokens": job.pace.counts_tokens}
    try:
        content: bytes = cloudpickle.dumps(told)  # pyright: ignore[reportAttributeAccessIssue]
    except (TypeError, pickle.PicklingError) as error:
        raise ValueError(f"an option cannot be sent to other machines: {error}") from None
    return content


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Secret) else value


@contextmanager
def telling(dealer: Any) -> Iterator[None]:
    """An error goes to the dealer as well: Ray tells of it in words of its own, without the error itself."""
    try:
        yield
    except Exception as error:
        try:
            content = pickle.dumps(error)
        except Exception:  # noqa: BLE001  (whatever an error of others does when it is pickled)
            content = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
        dealer.fail.remote(content)
        raise


def failure(ray: Any, dealer: Any) -> BaseException | None:
    """What has ended a worker; None where that is not known."""
    try:
        content = ray.get(dealer.failure.remote(), timeout=5)
        found: BaseException | None = pickle.loads(content) if content else None
    except Exception:  # noqa: BLE001  (the dealer has died, or the error is of a class that is not here)
        return None
    return found


def unpacked(ray: Any, dealer: Any) -> dict[str, Any]:
    """The same, in a worker."""
    pieces: list[bytes] = []
    while piece := ray.get(dealer.piece.remote(len(pieces))):
        pieces.append(piece)
    found: dict[str, Any] = pickle.loads(b"".join(pieces))
    return found
