"""`ask`: the rows of a dataset of Ray Data, answered."""

from __future__ import annotations

import os
import uuid

from inference_providers.batches import Job, Journals
from inference_providers.clients import default_list
from inference_providers.ray import cluster, columns, pool
from inference_providers.ray.dealer import dealer_of
from inference_providers.ray.worker import Worker, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.batches import Item, Result
    from inference_providers.clients import AsyncProviderList, ProviderList

ROWS = 256  # in a batch of rows


class RowWorker(Worker):
    """An actor that is given rows."""

    def __init__(self, dealer: Any, journal: str | None, run: str, done: Any, whole: bool) -> None:
        super().__init__(dealer)
        self._of_run, self._whole = run, whole
        self._journals = None if journal is None else Journals(journal)
        if self._journals is not None:
            self._journals.check()
            self._done = self.ray.get(done)

    def __call__(self, table: Any) -> Any:
        rows = table.to_pylist()
        items = [self._item(row, place) for place, row in enumerate(rows)]
        if self._journals is None:
            return columns.with_results(table, self.ask(items, None))
        return columns.with_results(table, self._ask_or_recall(self._journals, items))

    def _item(self, row: dict[str, Any], place: int) -> Item:
        try:
            return self.source.item(columns.question(row, whole=self._whole), place)
        except ValueError as error:
            return self.source.broken(f"its messages are no JSON ({error})", place)

    def _ask_or_recall(self, journals: Journals, items: list[Item]) -> list[Result]:
        """Results of items: what earlier runs, and earlier tries of this very task, have had answered is not asked."""
        path = journals.path(f"{self._of_run}-{_task()}")
        earlier = journals.results(path) if os.path.exists(path) else {}
        results: dict[int, Result] = {}
        for item in items:
            known = earlier.get((item.index, item.key)) or journals.recalled(self._done, item.key)
            if known is not None:
                known.index = item.index
                results[item.index] = known
        journal = opened(path)
        try:
            asked = self.ask([item for item in items if item.index not in results], journal)
        finally:
            journal.close()
        for result in asked:
            results[result.index] = result
        return [results[place] for place in range(len(items))]


def _task() -> str:
    """A name for this batch of rows: the same when Ray does the same task again."""
    from ray.data._internal.execution.interfaces import TaskContext  # pyright: ignore[reportMissingImports]

    context = TaskContext.get_current()
    if context is None:
        return uuid.uuid4().hex
    count = context.kwargs["inference_providers"] = context.kwargs.get("inference_providers", -1) + 1
    return f"{context.task_idx:06d}-{count:04d}"


def ask(
    dataset: Any,
    models: Any = None,
    *,
    providers: ProviderList | AsyncProviderList | None = None,
    journal: str | os.PathLike[str] | None = None,
    actors: int | None = None,
    **options: Any,
) -> Any:
    """A dataset with the answers to its rows, asked when it is read: columns are added, rows stay in their place.

    Read are the columns `prompt` (or `question`, `text`, `input`) or `messages`, and, where they are there, `model`,
    `system` and `custom_id`; or, with prompt=`"Summarise: {column}"`, those that it names. Added are `answer`,
    `provider`, `answered_by`, `cost`, `error`, `parsed` (JSON), `input_tokens`, `output_tokens` and `finish_reason`,
    with `batch_` before them where the dataset has one of these.

    models, options: as for `batch`. providers: the list to ask by; default: what each node's environment has.
    journal: a folder that all nodes share, in which each answer is kept at once; what is in it is not asked again, by
    this program or the next, and what it cost counts for `max_cost`. actors: how many processes ask; default: one on
    each node.

    Raises ImportError without Ray, TypeError and ValueError for wrong options.
    """
    ray = cluster.load()
    if refused := options.keys() & {"out", "resume", "mode", "engine", "address", "as_completed", "on_error"}:
        raise TypeError(f"{', '.join(sorted(refused))}: of a batch to a file; a dataset writes itself")
    pipeline = (default_list() if providers is None else providers).pipeline
    job = Job((), models, **options)
    job.given = {**options, "models": models}
    job.prefer(pipeline)
    journals, done = None, None
    if journal is not None:
        journals = Journals(os.path.abspath(journal))
        journals.make()
        done = ray.put(journals.index())
    given = {
        "journal": None if journals is None else journals.folder,
        "run": uuid.uuid4().hex[:12],
        "done": done,
        "whole": options.get("prompt") is not None,
    }
    dealer = dealer_of(ray, pipeline, job, None if journals is None else journals.folder)
    how = {"batch_size": ROWS, "batch_format": "pyarrow", "fn_constructor_kwargs": given}
    return pool.mapped(ray, dataset, RowWorker, dealer, actors, **how)
