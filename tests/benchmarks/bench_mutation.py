"""Whether the assertion tests notice when a weight is missing: each one is switched off in turn.

Usage: python tests/benchmarks/bench_mutation.py [--cells 40] [--out FILE]

Mutants of the seed profile: every assertion that weighs, excludes or widens, for each thing it is about; every change
of the profile; with `--cells`, so many likelihoods drawn at random (they are estimates, reported apart). A mutant is
caught when a case of tests/contract/test_contract_assertions.py, or a test of tests/differential/
test_differential_tensions.py, fails.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import tests.contract.test_contract_assertions as table
import tests.differential.cases as cases
import tests.differential.test_differential_tensions as tensions
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.knowledge.records import Likelihood

ACTING = ("weight", "exclusion", "widening")
RULES = ("weights", "equals", "borrowed", "yielding", "damped")
KINDS = ("founding text", "reading of the profile", "estimate")


@dataclass(frozen=True, slots=True)
class Mutant:
    """The knowledge without one weight; `hint` is the assertion whose cases are tried first."""

    name: str
    kind: str
    hint: str
    knowledge: Knowledge


def main() -> int:
    """Switch weights off one by one and print which nobody misses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=0, help="likelihoods to try, drawn at random")
    parser.add_argument("--out", type=Path, help="also write the report there")
    options = parser.parse_args()
    whole = load_knowledge("seed", None)
    failing = first_failure(whole, "")
    if failing is not None:
        raise SystemExit(f"{failing} fails without any mutation")
    mutants = [*assertion_mutants(whole), *profile_mutants(whole), *cell_mutants(whole, options.cells)]
    missed: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for mutant in mutants:
        if first_failure(mutant.knowledge, mutant.hint) is None:
            missed[mutant.kind].append(mutant.name)
            print(f"missed: {mutant.name}", flush=True)
    lines = []
    for kind in KINDS:
        count = sum(m.kind == kind for m in mutants)
        if count:
            caught = count - len(missed[kind])
            lines.append(f"{kind}: {caught} of {count} caught ({caught / count:.1%}); missed: {missed[kind] or 'none'}")
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n")
    return 0


def assertion_mutants(whole: Knowledge) -> Iterator[Mutant]:
    """Each assertion without one of the things it is about."""
    for i, assertion in enumerate(whole.profile.assertions):
        if assertion.acts not in ACTING or whole.profile.numbers.strengths[assertion.strength] <= 0:
            continue
        for about in assertion.about:
            left = tuple(a for a in assertion.about if a != about)
            changed = replace(assertion, about=left, acts=assertion.acts if left else "nothing")
            if assertion.acts == "widening":
                changed = replace(assertion, acts="nothing")
            rows = (*whole.profile.assertions[:i], changed, *whole.profile.assertions[i + 1 :])
            mutant = replace(whole, profile=replace(whole.profile, assertions=rows))
            yield Mutant(f"{assertion.id} {assertion.finding} {about}", KINDS[0], assertion.id, mutant)


def profile_mutants(whole: Knowledge) -> Iterator[Mutant]:
    """The profile without one of its rules."""
    for field in RULES:
        rules = getattr(whole.profile, field)
        for name in dict.fromkeys(rule.id for rule in rules):
            kept = tuple(rule for rule in rules if rule.id != name)
            mutant = replace(whole, profile=replace(whole.profile, **{field: kept}))
            yield Mutant(f"{name} ({field})", KINDS[1], name, mutant)
    for name in sorted(whole.profile.subtype_only):
        mutant = replace(whole, profile=replace(whole.profile, subtype_only=whole.profile.subtype_only - {name}))
        yield Mutant(f"{name} (subtype_only)", KINDS[1], name, mutant)


def cell_mutants(whole: Knowledge, count: int) -> Iterator[Mutant]:
    """Likelihoods set to what is average for their finding."""
    keys = [k for k in sorted(whole.likelihoods) if whole.findings[k[0]].origin in whole.profile.origins]
    for finding, entity in random.Random(0).sample(keys, min(count, len(keys))):
        rates = [x.p for (f, _), x in whole.likelihoods.items() if f == finding]
        mean = sum(rates) / len(rates)
        cell = Likelihood(mean, mean, mean, "mean")
        mutant = replace(whole, likelihoods={**whole.likelihoods, (finding, entity): cell})
        yield Mutant(f"P({finding} | {entity})", KINDS[2], "", mutant)


def first_failure(knowledge: Knowledge, hint: str) -> str | None:
    """The first case that fails with this knowledge, those of `hint` first."""
    table.seed = lambda: knowledge
    cases.knowledge = tensions.knowledge = lambda profile="seed": knowledge if profile == "seed" else _literature()
    table.answer.cache_clear()
    for name, check in sorted(_checks(), key=lambda c: (not hint or hint not in c[0], c[0])):
        try:
            check()
        except AssertionError:
            return name
    return None


def _checks() -> list[tuple[str, Callable[[], None]]]:
    found: list[tuple[str, Callable[[], None]]] = [*table.CASES.items(), *table.ROWS.items()]
    for name, check in vars(tensions).items():
        if name.startswith("test_"):
            found += [(name, partial(check, **given)) for given in _given(check)]
    return found


def _given(check: Callable[..., None]) -> list[dict[str, str]]:
    """The arguments that pytest would pass."""
    for mark in getattr(check, "pytestmark", ()):
        names, values = mark.args
        if isinstance(names, str):
            return [{names: value} for value in values]
        return [dict(zip(names, value, strict=True)) for value in values]
    return [{}]


@lru_cache
def _literature() -> Knowledge:
    return load_knowledge("literature", None)


if __name__ == "__main__":
    raise SystemExit(main())
