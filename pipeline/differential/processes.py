"""Several lesions: one process, or a main process with an incidental second one.

A lesion that may not be real says less: its likelihood is mixed with that of the average entity by its confidence.
Lesions of one process repeat each other: n of them weigh as much as n to a power below 1 (profile: lesions_power).
The second process is drawn from what a department meets in general, so that of two processes the one that is seen
more among referred cases than in general is the main one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.differential.priors import log_incidental
from pipeline.knowledge.loading import Knowledge

Logits = NDArray[np.float64]
MOST_LESIONS = 12
"""Lesions that are weighed, the most confident first; more add no knowledge and cost time."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What is known, in parts: `alone` float64 [entity] is the prior with the context.

    `of_study` float64 [finding, entity] is what each finding of the study says, `own` what each lesion adds, with its
    confidence; `same` gives for each lesion the index of the first view of the same lesion.
    """

    alone: Logits
    of_study: NDArray[np.float64]
    own: tuple[Logits, ...]
    confidences: tuple[float, ...]
    same: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Second:
    """A second process (index of the entity), the probability of two, and the lesions (indices) it explains better."""

    entity: int
    probability: float
    lesions: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """Log shares float64 [entity] of the entities as the main process, with a second process where two are likelier."""

    logits: Logits
    second: Second | None = None


def combine(views: Views, knowledge: Knowledge) -> Combined:
    """Weigh all lesions together."""
    start = views.alone + views.of_study.sum(axis=0)
    if not views.own:
        return Combined(start)
    own, members = _distinct(views)
    power = knowledge.profile.numbers.lesions_power
    single = start + len(own) ** (power - 1) * own.sum(axis=0)
    if len(own) < 2:
        return Combined(single)
    chance = knowledge.profile.numbers.second_process
    pairs = _pairs(views, own, power, log_incidental(knowledge)) + np.log(chance)
    logits = np.logaddexp(single + np.log1p(-chance), np.logaddexp.reduce(pairs, axis=1))
    return Combined(logits, _second(logits, pairs, own, members))


def _distinct(views: Views) -> tuple[NDArray[np.float64], list[list[int]]]:
    """One row a lesion [lesion, entity], several views of it averaged; with the indices of their views."""
    firsts = sorted(set(views.same), key=lambda i: -views.confidences[i])[:MOST_LESIONS]
    members = [[i for i, s in enumerate(views.same) if s == first] for first in firsts]
    rows = [np.mean([_doubted(views.own[i], views.confidences[i]) for i in group], axis=0) for group in members]
    return np.array(rows), members


def _doubted(weights: Logits, confidence: float) -> Logits:
    """Weights of a lesion that is real with `confidence`."""
    doubted: Logits = np.logaddexp(np.log(max(confidence, 1e-6)) + weights, np.log(max(1 - confidence, 1e-6)))
    return doubted


def _pairs(views: Views, own: NDArray[np.float64], power: float, incidental: Logits) -> NDArray[np.float64]:
    """Log weight [main, second] of two processes that share the lesions, each lesion with the likelier of the two.

    Either process may be what a finding of the study comes from. All divisions of the lesions, but for those that leave
    one process without a lesion, are equally likely beforehand.
    """
    n, lesions = len(views.alone), len(own)
    pairs: NDArray[np.float64] = views.alone[:, None] + incidental[None, :]
    for row in views.of_study:
        pairs = pairs + np.maximum(row[:, None], row[None, :])
    mine = own[:, :, None] >= own[:, None, :]
    counts = mine.sum(axis=0)
    for share, taken, values in ((mine, counts, own[:, :, None]), (~mine, lesions - counts, own[:, None, :])):
        scale = np.maximum(taken, 1) ** (power - 1.0)
        pairs = pairs + scale * np.where(share, values, 0.0).sum(axis=0)
    pairs = pairs - np.log(2.0**lesions - 2)
    pairs[(counts == 0) | (counts == lesions)] = -np.inf
    pairs[np.arange(n), np.arange(n)] = -np.inf
    return pairs


def _second(
    logits: Logits, pairs: NDArray[np.float64], own: NDArray[np.float64], members: Sequence[Sequence[int]]
) -> Second | None:
    """The likeliest second process, where two are likelier than one."""
    probability = float(np.exp(np.logaddexp.reduce(pairs, axis=None) - np.logaddexp.reduce(logits)))
    if probability <= 0.5:
        return None
    main, second = (int(i) for i in np.unravel_index(int(np.argmax(pairs)), pairs.shape))
    places = tuple(i for row, group in zip(own, members, strict=True) if row[second] > row[main] for i in group)
    return Second(second, probability, places)
