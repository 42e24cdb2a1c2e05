"""The pool of actors that ask, and the datasets that go through it."""

from __future__ import annotations

from inference_providers.ray import cluster

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AT_ONCE = 4  # blocks of rows in an actor: while the last of one are asked, the next has begun
MEMORY = 256 * 2**20  # bytes of an actor; one that claims nothing is put on any node, beside others, too


def mapped(ray: Any, dataset: Any, work: Any, dealer: Any, actors: int | None, **options: Any) -> Any:
    """A dataset whose blocks go through actors of *work*: one on each node, unless *actors* says how many.

    They wait for providers and need little of a processor, so they claim memory alone: a node that was lost leaves room
    for its actor on the others. Ray starts them anew, and has them do again what they had not finished.
    """
    cluster.check_room(ray, MEMORY)
    pool = ray.data.ActorPoolStrategy(
        size=actors or cluster.machines(ray),
        max_tasks_in_flight_per_actor=AT_ONCE,
        max_concurrent_calls_per_actor=AT_ONCE,
        enable_true_multi_threading=True,
    )
    given = {"dealer": dealer, **options.pop("fn_constructor_kwargs")}
    return dataset.map_batches(work, compute=pool, num_cpus=0, memory=MEMORY, fn_constructor_kwargs=given, **options)
