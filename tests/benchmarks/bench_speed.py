"""Seconds, memory and ratios for one large CT and one large radiograph, from files to written results.

Usage: python tests/benchmarks/bench_speed.py [--runs 3] [--slices 400]

Process CPU time (user and system) of a cold process that does what a child of `calcinosis run` does (find the files,
analyse, write everything), best of the runs. K is one
scipy Gauss filter (float32 200 x 256 x 256, sigma 1.5), K2 one of 3000 x 2500, sigma 2, timed just before and after:
ratios to them travel between machines. Goals and alarms are those of the budget the project set itself for an analysis
without a network (12.5 and 25 K for the CT, 15 and 30 K2 for the radiograph); what a network, a SEG, label files and
slices in the report add is printed beside them as allowances.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from scipy.ndimage import gaussian_filter

CT_GOAL_S, CT_ALARM_S = 4.5, 9.0
CT_ALLOWANCE_S = 1.3 + 1.0 + 0.6 + 2.0 + 5.5
"""SEG, SR and key picture, NIfTI labels, slices in the report, learned stage: CPU seconds."""
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
RADIOGRAPH_GOAL_S, RADIOGRAPH_ALARM_S = 1.2, 2.5
RADIOGRAPH_ALLOWANCE_S = 1.3 + 1.0 + 0.8
"""SEG, SR and key picture, learned stage: CPU seconds."""
REFERENCE_K_S, REFERENCE_K2_S = 0.36, 0.082
"""CPU seconds of the units on the machine of the budget: seconds over them are the ratio that travels."""


def main() -> int:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slices", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_ct(root / "ct", options.slices)
        write_radiograph(root / "dx")
        rows = (
            (f"CT 512 x 512 x {options.slices}", root / "ct", _seconds_k, CT_GOAL_S, CT_ALLOWANCE_S, REFERENCE_K_S),
            (
                "radiograph 3000 x 2500",
                root / "dx",
                _seconds_k2,
                RADIOGRAPH_GOAL_S,
                RADIOGRAPH_ALLOWANCE_S,
                REFERENCE_K2_S,
            ),
        )
        print(
            f"{'study':26} {'cpu s':>7} {'wall s':>7} {'unit s':>7} {'units':>7} {'peak MB':>8} "
            f"{'goal+allowance s':>17} {'twice':>6} {'units':>7}"
        )
        for name, study, unit, goal, allowance, reference in rows:
            before = unit()
            best = min((_run(study, root / "out") for _ in range(options.runs)), key=lambda r: r[0])
            each = (before + unit()) / 2
            budget = goal + allowance
            print(
                f"{name:26} {best[0]:7.2f} {best[1]:7.2f} {each:7.3f} {best[0] / each:7.1f} {best[2]:8.0f} "
                f"{goal:6.1f} + {allowance:<8.1f} {2 * budget:6.1f} {2 * budget / reference:7.1f}"
            )
            print("   wall s by stage: " + ", ".join(f"{k} {v:.2f}" for k, v in best[3].items()))
    return 0


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


def write_radiograph(folder: Path) -> None:
    """A limb with a bone and 30 deposits over a soft-tissue profile, 0.14 mm, 12 bit."""
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
    header = _header("DX", DigitalXRayImageStorageForPresentation, study, "1.2.3", 0)
    header.ImagerPixelSpacing, header.PixelIntensityRelationship = [0.14, 0.14], "LOG"
    header.PresentationLUTShape, header.PatientOrientation = "IDENTITY", ["L", "F"]
    header.BodyPartExamined, header.SeriesDescription = "THIGH", "Femur AP erect"
    _save(header, np.clip(signal / 3.6 * 4095, 0, 4095).astype(np.uint16), folder / "dx.dcm")


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


def _run(study: Path, out: Path) -> tuple[float, float, float, dict[str, float]]:
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
