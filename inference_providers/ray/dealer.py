"""The actor that all workers of a batch know: what they are to do, with which keys, and their permits.

One for each batch, on the driver's node. What a list was made of, keys included, is told to this actor and asked of it
in small pieces, from process to process: it is in no argument of a task or an actor, which Ray keeps and shows, and
never in the object store, whose files may be written to disk.
"""

from __future__ import annotations

import os
import pickle
import time
from contextlib import contextmanager

from inference_providers import __version__, files, log
from inference_providers.credentials import Secret
from inference_providers.offers import AVOID_VARIABLE, OFFLINE_VARIABLE, ONLY_VARIABLE
from inference_providers.ray import cluster
from inference_providers.ray.spent import Spent
from inference_providers.routing import BATCH, Lender, Pace, Permits
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, TypedDict

    from inference_providers.batches import Job
    from inference_providers.calls import Pipeline
    from inference_providers.routing import Grant, Lane, Loan, Purse, Report, Wish

    class News(TypedDict):
        """What a worker tells besides: what it has done in all, and what it has warned of since it told last."""

        done: Mapping[str, float]  # of its `Summary`
        said: list[str]


SPENT = ".spent"
_MOST = 100  # different warnings that are passed on
PIECE = 50_000  # bytes: below what Ray puts into the object store
_FILES = ("json_override", "json_merge")  # options of a list that may name one
STATE_VARIABLE = "INFERENCE_PROVIDERS_STATE"
# Variables that say whom to ask, how and for how much, and hold no provider's key: the driver's count in its batch.
SHARED = (
    "INFERENCE_PROVIDERS_MODEL", "INFERENCE_PROVIDERS_POLICY", "INFERENCE_PROVIDERS_BUDGET",
    "INFERENCE_PROVIDERS_ALLOW", AVOID_VARIABLE, ONLY_VARIABLE, OFFLINE_VARIABLE, STATE_VARIABLE,
)  # fmt: skip
# Options of the driver's alone, and those of its pace, which is the dealer's here.
_DRIVERS = {
    *("out", "resume", "progress", "input_format", "encoding", "engine", "address", "actors"),
    *("as_completed", "csv_formulas", "concurrency", "adaptive", "requests_per_minute", "tokens_per_minute"),
}


class Dealer:
    """Told once what the batch is; then answers workers."""

    def __init__(
        self, concurrency: int | str, rates: Mapping[str, Any], limit: float | None = None, kept: str | None = None
    ) -> None:
        """*limit*: USD that the batch may spend. *kept*: the file that says what was spent of it before."""
        self._permits = Permits(Pace(concurrency, time.monotonic, **rates))
        self._pieces: list[bytes] = []
        self._failure = b""
        self._spent = None if limit is None or kept is None else Spent(kept)
        before = 0.0 if self._spent is None else self._spent.read()
        self._lender = None if limit is None else Lender(limit, before, time.monotonic)
        self._done: dict[str, Mapping[str, float]] = {}  # by worker
        self._said: dict[str, None] = {}

    def tell(self, piece: bytes) -> None:
        """A piece more of what the batch is."""
        self._pieces.append(piece)

    def piece(self, number: int) -> bytes:
        """A piece of what the batch is; empty after the last."""
        return self._pieces[number] if number < len(self._pieces) else b""

    def report(
        self, worker: str, reports: Mapping[Lane, Report], wish: Wish | None, news: News
    ) -> tuple[dict[Lane, Grant], Loan | None]:
        """What a worker may do from now on, and what it may spend meanwhile."""
        self._done[worker] = news["done"]
        for said in news["said"]:
            if len(self._said) < _MOST:
                self._said.setdefault(said)
        return self._permits.report(worker, reports), None if wish is None else self._lend(worker, wish)

    def _lend(self, worker: str, wish: Wish) -> Loan | None:
        if self._lender is None:
            return None
        loan = self._lender.report(worker, wish)
        if self._spent is not None:
            with telling(self):
                self._spent.note(self._lender.held, self._lender.limit)  # before any of it is spent
        return loan

    def news(self, known: int) -> tuple[dict[str, float], int, list[str]]:
        """For the driver: what all have done together, requests under way, and warnings but for those it knows."""
        done: dict[str, float] = {}
        for one in self._done.values():
            for name, count in one.items():
                done[name] = done.get(name, 0) + count
        return done, self._permits.busy, list(self._said)[known:]

    def fail(self, error: bytes) -> None:
        """What has ended a worker: the first is kept."""
        self._failure = self._failure or error

    def failure(self) -> bytes:
        """What has ended the first worker that failed; empty where none has."""
        return self._failure

    def numbers(self) -> dict[str, Any]:
        """What is leased."""
        return self._permits.numbers()


def dealer_of(ray: Any, pipeline: Pipeline, job: Job, folder: str | None = None) -> Any:
    """A dealer for a batch. Raises ValueError where a list cannot be made again elsewhere.

    folder: where it is kept what was spent, for whoever goes on after an interruption.
    """
    check_shared(ray, pipeline, job)
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # pyright: ignore[reportMissingImports]

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    made = ray.remote(Dealer).options(num_cpus=0, max_restarts=0, scheduling_strategy=here)
    purse = next((purse for purse in _purses(job) if purse.name == BATCH), None)
    kept = None if folder is None else os.path.join(folder, SPENT)
    dealer = made.remote(
        job.given.get("concurrency", "auto"), _rates(job.given), None if purse is None else purse.limit, kept
    )
    content = packed(pipeline, job)
    for begin in range(0, len(content), PIECE):
        ray.get(dealer.tell.remote(content[begin : begin + PIECE]))
    return dealer


def check_shared(ray: Any, pipeline: Pipeline, job: Job) -> None:
    """Raise ValueError for a budget that each machine would hold to by itself; warn of limits by the minute."""
    if pipeline.gate.shares or cluster.machines(ray) < 2:
        return
    budget = None if job.preferences is None else job.preferences.budget
    if budget is not None and (budget.per_day is not None or budget.per_month is not None):
        raise ValueError(
            "a budget by the day or month is counted by each machine of a cluster for itself, unless they share it: "
            'give the list state="redis://...", or the batch max_cost'
        )
    if pipeline.gate.rates is not None:
        log.warn(
            "rate_limits are counted by each machine of the cluster for itself, unless they share a state "
            '(state="redis://..."); requests_per_minute and tokens_per_minute of a batch hold for all'
        )


def _purses(job: Job) -> tuple[Purse, ...]:
    return () if job.preferences is None else job.preferences.purses


def _rates(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("adaptive", "requests_per_minute", "tokens_per_minute")
    return {name: given[name] for name in names if name in given}


def packed(pipeline: Pipeline, job: Job) -> bytes:
    """What a worker makes its list and its job of."""
    from ray import cloudpickle

    if pipeline.given is None:
        raise ValueError("this list cannot be made again on other machines: make it by ProviderList(...)")
    providers = {name: _content(value) if name in _FILES else value for name, value in pipeline.given().items()}
    if (environ := providers["environ"]) is not None:
        providers["environ"] = {name: _plain(environ[name]) for name in environ}
    options = {name: _plain(value) for name, value in job.given.items() if name not in _DRIVERS}
    told: dict[str, Any] = {"version": __version__, "providers": providers, "options": options}
    told |= {"most": job.pace.most, "counts_tokens": job.pace.counts_tokens}
    told |= {"timeout": pipeline.timeout, "preferences": pipeline.preferences, "variables": _variables(pipeline)}
    try:
        content: bytes = cloudpickle.dumps(told)  # pyright: ignore[reportAttributeAccessIssue]
    except (TypeError, pickle.PicklingError) as error:
        raise ValueError(f"an option cannot be sent to other machines: {error}") from None
    return content


def _content(value: Any) -> Any:
    """What is in a file of the driver's, which other machines may not have, and not where its name leads here."""
    is_file = isinstance(value, str | os.PathLike) and os.path.isfile(value)
    return jsontext.loads(files.read(value)) if is_file else value


def _variables(pipeline: Pipeline) -> dict[str, str]:
    """What the driver's user has set of whom to ask and for how much, for nodes with an environment of their own."""
    found = {name: pipeline.users_environ[name] for name in SHARED if pipeline.users_environ.get(name)}
    if "://" not in found.get(STATE_VARIABLE, ""):  # a file's name, which each machine has its own of
        found.pop(STATE_VARIABLE, None)
    return found


def environment(variables: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a node, under what the driver says. Whom either avoids is avoided."""
    made = {**own, **variables}
    if (avoided := own.get(AVOID_VARIABLE)) and AVOID_VARIABLE in variables:
        made[AVOID_VARIABLE] = f"{avoided},{variables[AVOID_VARIABLE]}"
    return made


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
        if isinstance(dealer, Dealer):
            dealer.fail(content)
        else:
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
