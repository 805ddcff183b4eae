"""Seconds, memory and ratios for a large CT, a large radiograph and a study of twelve, from files to written results.

Usage: python tests/benchmarks/bench_speed.py [--runs 3] [--slices 400] [--readme]

Process CPU time (user and system) of a cold process that does what a child of `calcinosis run` does (find the files,
analyse, write everything), best of the runs. K is one
scipy Gauss filter (float32 200 x 256 x 256, sigma 1.5), K2 one of 3000 x 2500, sigma 2, timed just before and after:
ratios to them travel between machines. Goals and alarms are those of the budget the project set itself for an analysis
without a network (12.5 and 25 K for the CT, 15 and 30 K2 for the radiograph); what a network, a SEG, label files and
slices in the report add is printed beside them as allowances. Above twice of goal and allowances the benchmark fails.
U is to decode every pixel once with pydicom; stages are told in it (wall seconds of one thread). Beside them stands
what libraries alone take for the like on the same files (`speed_peers.py`). --readme writes the tables into README.md.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from readme_block import write_block
from scipy.ndimage import gaussian_filter
from speed_peers import decode, peers

CT_GOAL_S = 4.5
CT_ALLOWANCE_S = 1.3 + 1.0 + 0.6 + 2.0 + 5.5
"""SEG, SR and key picture, NIfTI labels, slices in the report, learned stage: CPU seconds."""
FILMS = 12
Run = tuple[float, float, float, dict[str, float]]
ONE_STUDY = """
import resource, sys
from pathlib import Path
from pipeline.batch.garbage import collect_rarely
from pipeline.dicom.discovery import discover
from pipeline.knowledge.settings import Settings
from pipeline.study import Asked, run_study
collect_rarely()
study, out = Path(sys.argv[1]), Path(sys.argv[2])
settings = Settings()
(found,) = discover((study,), settings.dicom, out).studies
run_study(found, out / "studies" / "1", settings, Asked())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""What a child does, without the supervising parent: one process whose CPU time can be read."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
RADIOGRAPH_GOAL_S = 1.2
RADIOGRAPH_ALLOWANCE_S = 1.3 + 1.0 + 0.8
"""SEG, SR and key picture, learned stage: CPU seconds."""
REFERENCE_K_S, REFERENCE_K2_S = 0.36, 0.082
"""CPU seconds of the units on the machine of the budget: seconds over them are the ratio that travels."""


@dataclass(frozen=True, slots=True)
class Case:
    """A study; `goal_s` is None where no budget was set. `reference_s` is the unit's on the budget's machine."""

    name: str
    kind: str
    write: Callable[[Path], None]
    unit: Callable[[], float]
    unit_name: str
    reference_s: float
    goal_s: float | None = None
    allowance_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Took:
    """What a case took: the best of the runs, the unit, U, and what libraries take; CPU seconds but for `stages`."""

    case: Case
    cpu_s: float
    peak_mb: float
    stages: Mapping[str, float]
    unit_s: float
    decode_s: float
    peers: Mapping[str, float]

    @property
    def units(self) -> float:
        """CPU time in K or K2."""
        return self.cpu_s / self.unit_s

    @property
    def goal(self) -> float | None:
        """Goal with allowances, in units."""
        return None if self.case.goal_s is None else (self.case.goal_s + self.case.allowance_s) / self.case.reference_s

    @property
    def fails(self) -> bool:
        """Whether the alarm rings: more than twice the goal."""
        return self.goal is not None and self.units > 2 * self.goal


def main() -> int:
    """Run the benchmark, print its tables, and fail where an alarm rings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--readme", action="store_true", help="write the tables into README.md")
    options = parser.parse_args()
    ct = partial(write_ct, slices=options.slices)
    film = Case("", "radiograph", write_radiograph, _seconds_k2, "K2", REFERENCE_K2_S)
    cases = (
        Case(f"CT 512 x 512 x {options.slices}", "ct", ct, _seconds_k, "K", REFERENCE_K_S, CT_GOAL_S, CT_ALLOWANCE_S),
        replace(film, name="radiograph 3000 x 2500", goal_s=RADIOGRAPH_GOAL_S, allowance_s=RADIOGRAPH_ALLOWANCE_S),
        replace(film, name="12 radiographs 1000 x 834", write=partial(write_radiograph, films=FILMS, every=3)),
    )
    with tempfile.TemporaryDirectory() as folder:
        rooms = [(case, Path(folder) / str(number)) for number, case in enumerate(cases)]
        # all runs before any peer: a process begins with the peak memory of the one that starts it
        ran = [_ran(case, room, options.runs if case.goal_s else 1) for case, room in rooms]
        took = [_compared(*one, *run) for one, run in zip(rooms, ran, strict=True)]
    text = tables(took)
    print(text)
    if options.readme:
        called = " ".join(["python", "tests/benchmarks/bench_speed.py", *sys.argv[1:]]).replace(" --readme", "")
        write_block("speed", f"`{called}`, {_machine()}\n\n{text}")
    return int(any(one.fails for one in took))


def _ran(case: Case, room: Path, runs: int) -> tuple[Run, float]:
    """The best of the runs, and the unit before and after them."""
    room.mkdir()
    case.write(room / "in")
    before = case.unit()
    best = min((_run(room / "in", room / "out") for _ in range(runs)), key=lambda run: run[0])
    return best, (before + case.unit()) / 2


def _compared(case: Case, room: Path, best: Run, unit_s: float) -> Took:
    decode_s, pixels = decode(room / "in")
    return Took(case, best[0], best[2], best[3], unit_s, decode_s, peers(case.kind, pixels, room / "peer.dcm"))


def tables(took: Sequence[Took]) -> str:
    """The table of budgets, and that of stages in U beside what libraries take."""
    lines = ["| study | CPU s | in U | in its unit | goal | alarm | peak MB |", "|---|---|---|---|---|---|---|"]
    for one in took:
        goal, alarm = ("-", "-") if one.goal is None else (f"{one.goal:.0f}", f"{2 * one.goal:.0f}")
        unit = f"{one.units:.0f} {one.case.unit_name}"
        lines.append(
            f"| {one.case.name} | {one.cpu_s:.1f} | {one.cpu_s / one.decode_s:.0f} | {unit} | {goal} | {alarm} "
            f"| {one.peak_mb:.0f} |"
        )
    lines += ["", "| part, in U | " + " | ".join(one.case.name for one in took) + " |", "|---" * (len(took) + 1) + "|"]
    for what in ("stages", "peers"):
        names = dict.fromkeys(name for one in took for name in getattr(one, what))
        for name in names:
            cells = [
                f"{getattr(one, what)[name] / one.decode_s:.1f}" if name in getattr(one, what) else "" for one in took
            ]
            lines.append(f"| {name if what == 'stages' else f'libraries: {name}'} | " + " | ".join(cells) + " |")
        if what == "stages":
            starts = [f"{max(0.0, one.cpu_s - sum(one.stages.values())) / one.decode_s:.1f}" for one in took]
            lines.append("| start-up and search of the folder | " + " | ".join(starts) + " |")
    return "\n".join(lines)


def _machine() -> str:
    """Processor and cores, as the system names them."""
    info = Path("/proc/cpuinfo")
    told = info.read_text() if info.is_file() else ""
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or 'unknown processor'}, {os.cpu_count()} cores"


def write_ct(folder: Path, slices: int) -> None:
    """A body of 330 x 240 mm with spine, ribs, lungs, noise and 60 deposits, 0.7 x 0.7 x 1 mm, uncompressed."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    rows, cols = np.mgrid[0:512, 0:512] * 0.7 - 179
    body = (cols / 165) ** 2 + (rows / 120) ** 2
    deposits = rng.uniform((-80, -120, 0, 2), (80, 120, slices, 9), (60, 4))
    study, series = generate_uid(entropy_srcs=["speed", "ct"]), generate_uid(entropy_srcs=["speed", "series"])
    for k in range(slices):
        hu = np.where(body < 1, np.where(body > 0.86, -100, 50), -1000).astype(np.float32)
        hu[(np.hypot(cols - 70, rows) < 50) | (np.hypot(cols + 70, rows) < 50)] = -850 if k > slices / 2 else 50
        spine = np.hypot(cols, rows - 70)
        hu[spine < 20] = 180
        hu[(spine >= 18) & (spine < 20)] = 700
        hu[(abs(body - 0.82) < 0.03) & (np.sin(k / 6 + np.arctan2(rows, cols) * 3) > 0.5)] = 600
        for r, c, z, radius in deposits:
            if abs(k - z) < radius:
                hu[np.hypot(rows - r, cols - c) ** 2 + (k - z) ** 2 < radius**2] = 500
        hu += rng.normal(0, 15, hu.shape)
        header = _header("CT", CTImageStorage, study, series, k)
        header.ImagePositionPatient, header.ImageOrientationPatient = [-179, -179, float(k)], [1, 0, 0, 0, 1, 0]
        header.PixelSpacing, header.SliceThickness, header.PatientPosition = [0.7, 0.7], 1, "HFS"
        header.FrameOfReferenceUID, header.PositionReferenceIndicator = generate_uid(entropy_srcs=["speed", "for"]), ""
        header.RescaleSlope, header.RescaleIntercept, header.RescaleType = 1, -1024, "HU"
        header.ImageType, header.BodyPartExamined, header.KVP = ["ORIGINAL", "PRIMARY", "AXIAL"], "CHEST", 120
        _save(header, np.clip(hu + 1024, 0, 4095).astype(np.uint16), folder / f"{k:04d}.dcm")


def write_radiograph(folder: Path, films: int = 1, every: int = 1) -> None:
    """A limb with a bone and 30 deposits over a soft-tissue profile, 0.14 mm, 12 bit; of its pixels one in `every`."""
    folder.mkdir()
    rng = np.random.default_rng(2)
    rows, cols = np.mgrid[0:3000, 0:2500].astype(np.float32) * 0.14
    across = cols - 175
    signal = 2.2 * np.sqrt(np.clip(1 - (across / 90) ** 2, 0, None))
    bone = np.sqrt(np.clip(1 - (across / 16) ** 2, 0, None)) - 0.7 * np.sqrt(np.clip(1 - (across / 10) ** 2, 0, None))
    signal += 0.9 * bone
    for _ in range(30):
        r, c, radius = rng.uniform(20, 400), rng.uniform(100, 250), rng.uniform(2, 8)
        signal += 0.4 * np.sqrt(np.clip(1 - ((rows - r) ** 2 + (cols - c) ** 2) / radius**2, 0, None))
    signal += rng.normal(0, 0.01, signal.shape) + 0.05 * gaussian_filter(rng.normal(size=signal.shape), 15) * 15
    study = generate_uid(entropy_srcs=["speed", "dx"])
    signal = signal[::every, ::every]
    for film in range(films):
        header = _header("DX", DigitalXRayImageStorageForPresentation, study, "1.2.3", film)
        header.ImagerPixelSpacing, header.PixelIntensityRelationship = [0.14 * every] * 2, "LOG"
        header.PresentationLUTShape, header.PatientOrientation = "IDENTITY", ["L", "F"]
        header.BodyPartExamined, header.SeriesDescription = "THIGH", "Femur AP erect"
        _save(header, np.clip(signal / 3.6 * 4095, 0, 4095).astype(np.uint16), folder / f"dx{film:02}.dcm")


def _header(modality: str, sop_class: str, study: str, series: str, index: int) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = sop_class
    instance = generate_uid(entropy_srcs=[study, series, str(index)])
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = instance
    header.StudyInstanceUID, header.SeriesInstanceUID, header.Modality = study, series, modality
    header.PatientID, header.PatientName, header.PatientBirthDate, header.PatientSex = "speed", "", "", "O"
    header.StudyDate, header.StudyTime, header.StudyID, header.AccessionNumber = "20200101", "120000", "1", ""
    header.ReferringPhysicianName, header.SeriesNumber, header.InstanceNumber = "", 1, index + 1
    return header


def _save(header: Dataset, stored: np.ndarray, path: Path) -> None:
    header.Rows, header.Columns, header.SamplesPerPixel = *stored.shape, 1
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    header.PhotometricInterpretation = "MONOCHROME2"
    header.PixelData = stored.tobytes()
    pydicom.dcmwrite(path, header, enforce_file_format=True)


def _run(study: Path, out: Path) -> Run:
    """(CPU seconds, wall seconds, peak resident MB, wall seconds by stage) of one cold run."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", ONE_STUDY, str(study), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | ONE_THREAD)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    results = json.loads(next(out.glob("studies/*/results.json")).read_text())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, int(done.stdout) / 1024, results["seconds"]


def _seconds_k() -> float:
    return _gauss((200, 256, 256), 1.5)


def _seconds_k2() -> float:
    return _gauss((3000, 2500), 2.0)


def _gauss(shape: tuple[int, ...], sigma: float) -> float:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    times = []
    for _ in range(3):
        start = time.process_time()
        gaussian_filter(values, sigma)
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    sys.exit(main())
