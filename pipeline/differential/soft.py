"""Uncertain findings: virtual evidence."""

import math

LEAST = 1e-6
"""A weight closer to 0 says nothing."""


def soft_weight(probability: float, present: float, absent: float) -> float:
    """Weight of a finding that is present with `probability`: 0 at 0.5, `present` at 1, `absent` at 0.

    Virtual evidence (Pearl 1988, section 2.2.2): an observation with likelihood ratio p / (1 - p) for the finding. With
    b the rate at which present and absent balance, b * exp(present) + (1 - b) * exp(absent) = 1, the weight is
    log((l * b * exp(present) + (1 - b) * exp(absent)) / (l * b + 1 - b)). Where no such b exists, since both states
    speak the same way or one says nothing, the weight is taken in proportion to how far p lies from 0.5.
    """
    p = probability
    if p in (0.0, 1.0):
        return present if p else absent
    if present * absent >= 0 or min(abs(present), abs(absent)) < LEAST:
        return present * max(2 * p - 1, 0.0) + absent * max(1 - 2 * p, 0.0)
    up, down = math.exp(present), math.exp(absent)
    rate = (1 - down) / (up - down)
    odds = p / (1 - p)
    return math.log((odds * rate * up + (1 - rate) * down) / (odds * rate + 1 - rate))
