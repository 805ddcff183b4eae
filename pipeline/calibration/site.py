"""What a site's feedback changes, and the knowledge with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.calibration.fitting import fit_rule
from pipeline.calibration.priors import Met, met, nothing_missed
from pipeline.calibration.studies import Study, pairs_by_finding
from pipeline.knowledge.loading import Knowledge, digest
from pipeline.knowledge.records import Factor
from pipeline.knowledge.rules import Fitted, Measured

LEAST = 3.0
"""A finding is fitted only when so many lesions are expected to have it, and so many not to have it."""
NOTABLE = 0.02
"""A prior that changes by a smaller share is left as it is."""


@dataclass(frozen=True, slots=True)
class Site:
    """Fits by finding and kind of image, causes as they are met, chances that nothing was missed with their counts."""

    fits: Mapping[str, Mapping[str, Fitted]] = field(default_factory=dict)
    causes: Mapping[str, Met] = field(default_factory=dict)
    missed: Mapping[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def factors(self) -> dict[str, float]:
        """What priors are multiplied by, where that changes them."""
        return {e: round(m.times, 3) for e, m in self.causes.items() if abs(m.times - 1) >= NOTABLE}


def fit_site(studies: Sequence[Study], knowledge: Knowledge, source: str, only: frozenset[str] | None = None) -> Site:
    """Everything that these studies change; of `only` are the findings that may be fitted, None is all."""
    rules = {r.finding: r for r in knowledge.rules if isinstance(r, Measured)}
    fits = {}
    for finding, pairs in pairs_by_finding(studies).items():
        present = sum(pair.rate for pair in pairs)
        if (only is None or finding in only) and min(present, len(pairs) - present) >= LEAST:
            fits[finding] = fit_rule(rules[finding], pairs, source)
    told = [(s.entity, s.expected) for s in studies if s.entity is not None]
    empty = [(s.kind, s.nothing) for s in studies if s.nothing is not None]
    return Site(fits, met(told, knowledge), nothing_missed(empty, knowledge.profile.numbers.nothing_missed))


def with_site(knowledge: Knowledge, site: Site) -> Knowledge:
    """The knowledge as the site's profile will have it."""
    rules = tuple(
        replace(rule, fitted={**rule.fitted, **site.fits[rule.finding]})
        if isinstance(rule, Measured) and rule.finding in site.fits
        else rule
        for rule in knowledge.rules
    )
    factors = tuple(Factor(entity, times, "reader feedback") for entity, times in site.factors.items())
    numbers = knowledge.profile.numbers
    missed = {**numbers.nothing_missed, **{kind: round(p, 3) for kind, (p, _) in site.missed.items()}}
    profile = replace(knowledge.profile, numbers=replace(numbers, nothing_missed=missed))
    changed = replace(knowledge, rules=rules, factors=knowledge.factors + factors, profile=profile)
    return replace(changed, digest=digest(changed))
