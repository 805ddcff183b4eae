"""How many workers a hospital needs: a discrete-event simulation of a day's studies with measured service times.

Usage:
  python tests/benchmarks/bench_queue.py [--year 500000] [--cpu-scale 1.0] [--days 20]

Studies arrive as a Poisson process whose rate follows the hour (the busiest hour has 9.5 % of the day). Of all studies
45 % are radiographs, 15 % CT, the rest (ultrasound, MR, nuclear medicine) is not analysed and costs a look at its
headers. One radiograph in four is an emergency. Service times are drawn about what `bench_speed.py` measures for one
full-sized image and one CT of 400 slices; a study has one to four images or one to three series. Two orders are tried:
as they come, and emergencies before radiographs before CT. Waiting ends when results are written.
"""

import argparse
import heapq
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOURS = (
    0.8,
    0.6,
    0.5,
    0.5,
    0.6,
    1.0,
    2.2,
    5.2,
    8.2,
    9.3,
    9.5,
    8.6,
    7.2,
    8.0,
    8.3,
    7.6,
    6.0,
    4.4,
    3.2,
    2.6,
    2.0,
    1.6,
    1.2,
    0.9,
)
"""Share of a day's studies by hour, percent: out-patients from 7 to 17, emergencies all day (own estimate)."""
RADIOGRAPH_S, CT_S, OTHER_S = 10.2, 29.9, 0.4
"""CPU seconds of one 3000 x 2500 radiograph, of one CT series of 400 slices, of a look at headers (bench_speed.py)."""
SPREAD = 0.5
"""Standard deviation of the logarithm of a service time about its kind's."""
KINDS = ("emergency", "radiograph", "ct", "other")
SHARES = (0.1125, 0.3375, 0.15, 0.40)
IMAGES = {1: 0.3, 2: 0.45, 3: 0.15, 4: 0.10}
SERIES = {1: 0.5, 2: 0.3, 3: 0.2}
LIMIT_S = 120.0
"""Time within which 95 of 100 emergency radiographs should be ready."""
DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Studies:
    """Arrival (s), kind (index of KINDS) and service time (s) of each study, in order of arrival."""

    arrival: NDArray[np.float64]
    kind: NDArray[np.int64]
    service: NDArray[np.float64]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--year", type=int, default=500_000, help="studies a year")
    parser.add_argument("--days", type=int, default=20, help="working days to simulate")
    parser.add_argument(
        "--cpu-scale", type=float, default=1.0, help="seconds here over seconds of the measured machine"
    )
    options = parser.parse_args()
    studies = draw(options.year / 365 * 1.15, options.days, options.cpu_scale, np.random.default_rng(1))
    load = float(studies.service.sum()) / (options.days * DAY_S)
    print(f"{options.year} studies a year, {options.days} working days, {len(studies.arrival)} studies,")
    print(f"mean load {load:.2f} cores, in the busiest hour {load * 24 * max(HOURS) / sum(HOURS):.2f}\n")
    print("| workers | order | emergency p95 | radiograph p95 | CT p95 | longest |")
    print("|---|---|---|---|---|---|")
    for line in table(studies, load):
        print(line)
    return 0


def table(studies: Studies, load: float) -> Iterator[str]:
    """Rows from too few workers to enough in both orders."""
    for workers in range(max(1, int(load)), 64):
        enough = True
        for name, ranks in (("as they come", (0, 0, 0, 0)), ("emergencies first", (0, 1, 2, 1))):
            waits = simulate(studies, workers, ranks)
            late = [float(np.percentile(waits[studies.kind == k], 95)) for k in range(3)]
            cells = " | ".join(f"{seconds:.0f} s" for seconds in (*late, float(waits.max())))
            yield f"| {workers} | {name} | {cells} |"
            enough &= late[0] <= LIMIT_S
        if enough:
            return


def draw(a_day: float, days: int, scale: float, random: np.random.Generator) -> Studies:
    """Studies of some days; a working day has `a_day` of them."""
    rates = np.tile(np.array(HOURS) / sum(HOURS) * a_day, days)
    counts = random.poisson(rates)
    start = np.repeat(np.arange(len(rates)) * 3600.0, counts)
    arrival = np.sort(start + random.random(len(start)) * 3600.0)
    kind = random.choice(len(KINDS), len(arrival), p=SHARES)
    images = random.choice(list(IMAGES), len(arrival), p=list(IMAGES.values()))
    series = random.choice(list(SERIES), len(arrival), p=list(SERIES.values()))
    typical = np.select([kind <= 1, kind == 2], [images * RADIOGRAPH_S, series * CT_S], OTHER_S)
    return Studies(arrival, kind, scale * typical * random.lognormal(-(SPREAD**2) / 2, SPREAD, len(arrival)))


def simulate(studies: Studies, workers: int, ranks: tuple[int, ...]) -> NDArray[np.float64]:
    """Seconds from arrival to result of each study; a free worker takes the lowest rank, then the oldest."""
    free = [0.0] * workers
    queue: list[tuple[int, int]] = []
    waits = np.zeros(len(studies.arrival))
    coming = 0
    while coming < len(waits) or queue:
        now = heapq.heappop(free)
        if not queue and coming < len(waits):
            now = max(now, float(studies.arrival[coming]))
        while coming < len(waits) and studies.arrival[coming] <= now:
            heapq.heappush(queue, (ranks[int(studies.kind[coming])], coming))
            coming += 1
        _, one = heapq.heappop(queue)
        ended = now + float(studies.service[one])
        waits[one] = ended - studies.arrival[one]
        heapq.heappush(free, ended)
    return waits


if __name__ == "__main__":
    sys.exit(main())
