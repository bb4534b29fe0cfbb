"""What Comanda's agent adds to a model, and how many of its words it brings to the rooms."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.agent.crowd import WORDS, Heard
from bench.agent.ladder import LATE_MS, Climbed
from bench.agent.model import FIRST_S, RATE
from bench.agent.run import CHATS, IDLE_S, Run, run
from bench.cores import separate
from bench.figure import Better, Effort, Figure, middle, percentile

_WORDS_S = 3_000
_NEARLY = 0.9  # twice as much
_CORES_FOR_TWO = 4


async def measure(effort: Effort) -> list[Figure]:
    """All of the agent's figures, from the same runs."""
    runs = []
    for seed in range(effort.runs(3)):
        runs.append(await run(effort, seed))
        print(f"  run {seed + 1}: {runs[-1].one.words_s:,.0f} words/s by one worker", file=sys.stderr)
    faults = [f"run {number}: {fault}" for number, each in enumerate(runs, start=1) for fault in each.faults()]
    first, *rest = (replace(figure, others=max(each.others for each in runs)) for figure in _figures(runs))
    return [replace(first, faults=faults[:5]), *rest]


def _figures(runs: Sequence[Run]) -> Iterator[Figure]:
    yield from _first_words(runs)
    yield _gaps(runs)
    yield from _workers(runs)
    yield from (_idle(runs), _reload(runs))


def _first_words(runs: Sequence[Run]) -> Iterator[Figure]:
    how = [
        f"Through a hub's Socket.IO, a socket a chat, in its room: from the question's write to the first piece's "
        f"arrival, less what the model took (each word says when it left). The model streams {RATE:g} words a second "
        f"after {FIRST_S * 1_000:.0f} ms.",
    ]
    yield _added("first word added, 1 chat, p50", 50, 25, [each.alone for each in runs], how)
    yield _added("first word added, 1 chat, p95", 95, 50, [each.alone for each in runs])
    how = [
        f"{CHATS} chats at once, each asking again when it is answered, from a random moment on; all answered by one "
        "worker.",
        f"set for it: {runs[0].settings}.",
    ]
    yield _added(f"first word added, {CHATS} chats, p50", 50, 25, [each.crowd for each in runs], how)
    yield _added(f"first word added, {CHATS} chats, p95", 95, 50, [each.crowd for each in runs])


def _added(what: str, percent: float, target_ms: float, heard: Sequence[Heard], how: Sequence[str] = ()) -> Figure:
    values = [percentile(each.added_ms, percent) for each in heard]
    chosen = heard[middle(values)].added_ms
    return Figure(
        name="agent",
        what=what,
        unit="ms",
        better=Better.LOW,
        target=target_ms,
        runs=values,
        how=[*how, f"{len(chosen)} answers a run; in the median one the longest {chosen[-1]:.0f} ms."],
    )


def _gaps(runs: Sequence[Run]) -> Figure:
    values = [percentile(each.crowd.off_ms, 95) for each in runs]
    crowd = runs[middle(values)].crowd
    gaps = crowd.gaps_ms
    return Figure(
        name="agent",
        what=f"gap's distance from the model's, {CHATS} chats, p95",
        unit="ms",
        better=Better.LOW,
        target=40,
        runs=values,
        how=[
            f"Between two pieces on the screen {percentile(gaps, 50):.0f} ms (p50), {percentile(gaps, 95):.0f} ms "
            f"(p95), {gaps[-1]:.0f} ms (longest); between two words of the model {crowd.model_gap_ms:.0f} ms. All were "
            f"answered to the last word; who fared worst, in {crowd.slowest:.2f} times the model's own time. "
            f"{crowd.words / crowd.workers_s:,.0f} words a CPU second of the worker.",
        ],
    )


def _workers(runs: Sequence[Run]) -> Iterator[Figure]:
    """What one brings to the rooms, and what two do: a figure of its own where there are cores for them."""
    cores = os.cpu_count() or 1
    two = list(_steps([each.two for each in runs]))
    how = [
        f"More and more chats, each asking again when it is answered ({WORDS} words); the best step at which 95 % "
        f"of the words, and of the first words, came no more than {LATE_MS:g} ms later than from the model."
        + (" The worker has a core of its own." if separate() else ""),
        *_steps([each.one for each in runs]),
    ]
    if cores < _CORES_FOR_TWO:
        how += [
            f"Two workers, for whom there are no cores here ({cores} for them, the hub, Redis, model and screens):",
            *two,
        ]
    yield _words_s("words a second, one worker", _WORDS_S, [each.one for each in runs], how)
    if cores >= _CORES_FOR_TWO:
        yield _words_s("words a second, two workers", 2 * _WORDS_S * _NEARLY, [each.two for each in runs], two)


def _words_s(what: str, target: float, climbed: Sequence[Climbed], how: Sequence[str]) -> Figure:
    values = [each.words_s for each in climbed]
    return Figure("agent", what, "/s", Better.HIGH, target, values, how, digits=0)


def _steps(climbed: Sequence[Climbed]) -> Iterator[str]:
    chosen = climbed[middle([each.words_s for each in climbed])]
    if chosen.highest.kept:
        yield f"{chosen.highest}."
    if not chosen.rungs[-1].kept:
        yield f"Too much: {chosen.rungs[-1]}."


def _idle(runs: Sequence[Run]) -> Figure:
    return Figure(
        name="agent",
        what="resident memory of a worker, idle",
        unit="MB",
        better=Better.LOW,
        target=220,
        runs=[each.idle_mb for each in runs],
        how=[f"10⁶ bytes, shared pages included, {IDLE_S:g} s after it was ready, with a model of OpenAI's protocol."],
    )


def _reload(runs: Sequence[Run]) -> Figure:
    values = [each.reloaded.took_ms[-1] for each in runs]
    chosen = runs[middle(values)].reloaded
    return Figure(
        name="agent",
        what="chat reloaded in mid-answer, longest",
        unit="ms",
        better=Better.LOW,
        target=100,
        runs=values,
        how=[
            f"A new socket joins the chat's room when the answer has {chosen.pieces} pieces or more: from the join's "
            f"write to its ack, which shows the text so far; {len(chosen.took_ms)} times, p50 "
            f"{percentile(chosen.took_ms, 50):.1f} ms. With the pieces that follow it must be the whole answer.",
        ],
    )
