"""How often each entity is met before anything was seen: by region, age, sex and history."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.differential.case import Case
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import Factor
from pipeline.model.known import Known


def log_priors(case: Case, region: str | None, knowledge: Knowledge) -> NDArray[np.float64]:
    """Natural-log prior shares of the entities, summing to one minus the prior of indeterminate; float64 [entity]."""
    shares = np.array([e.prior_referred for e in knowledge.entities.values()])
    index = {entity: i for i, entity in enumerate(knowledge.entities)}
    for factor in knowledge.factors:
        if fits(factor, case, region):
            shares[index[factor.entity]] *= factor.times
    logs: NDArray[np.float64] = np.log(shares / shares.sum() * (1 - knowledge.prior_indeterminate))
    return logs


def log_incidental(knowledge: Knowledge) -> NDArray[np.float64]:
    """Natural-log shares of what a department meets in general, from which a second process comes; float64 [entity]."""
    shares = np.array([e.prior_general for e in knowledge.entities.values()])
    logs: NDArray[np.float64] = np.log(shares / shares.sum())
    return logs


def fits(factor: Factor, case: Case, region: str | None) -> bool:
    """Whether everything that the factor names is known and true."""
    age, sex = case.patient.age_years, case.patient.sex
    history: Mapping[str, object] = case.context.history
    return (
        (not factor.regions or region in factor.regions)
        and (factor.age_from is None or (isinstance(age, Known) and age.value >= factor.age_from))
        and (factor.sex is None or (isinstance(sex, Known) and sex.value == factor.sex))
        and (factor.history is None or history.get(factor.history) is True)
    )
