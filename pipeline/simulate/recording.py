"""One study on disk: its objects, and its truth in the form of the contract's section 4.

`OUT/studies/<name>/*.dcm` (and context.json), `OUT/truth/<name>/truth.json` with label images, as the contract says.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.simulate import files, looks, physics, radiography, tomography, truth
from pipeline.simulate.anatomy import Scene
from pipeline.simulate.build import Build
from pipeline.simulate.leg import leg
from pipeline.simulate.lesions import GRAVITY, Lesion
from pipeline.simulate.pelvis import pelvis
from pipeline.simulate.projection import Camera, View

TRUNK_REGIONS = ("hip", "pelvis")


@dataclass(frozen=True, slots=True)
class Shot:
    """One radiograph of a study."""

    view: View = "AP"
    posture: str = "supine"
    pixel_mm: float = 0.3
    look: looks.Look = field(default_factory=looks.Look)
    counts: float = 2200.0
    margins_mm: tuple[float, float, float, float] = (4.0, 5.0, 4.0, 4.0)
    turn_deg: float = 0.0
    marker: bool = True
    told: bool = True
    """Whether the header states the posture."""


@dataclass(frozen=True, slots=True)
class Study:
    """One study: patient, entity, scene with its lesions, and either films or one CT series."""

    name: str
    patient: files.Patient
    entity: str
    scene: Scene
    lesions: tuple[tuple[Lesion, ...], ...]
    """Lesions as they lie for each image."""
    shots: tuple[Shot, ...] = ()
    protocol: tomography.Protocol | None = None
    posture: str = "supine"
    context: dict[str, object] | None = None
    others: tuple[str, ...] = ()


def scene_of(region: str, side: int, build: Build, rng: np.random.Generator) -> Scene:
    """The scene of a region."""
    return pelvis(region, side, build, rng) if region in TRUNK_REGIONS else leg(region, side, build, rng)


def write_study(study: Study, out: Path, rng: np.random.Generator) -> None:
    """Simulate a study and write its objects, labels and truth below `out`."""
    folder, truth_folder = out / "studies" / study.name, out / "truth" / study.name
    folder.mkdir(parents=True, exist_ok=True)
    truth_folder.mkdir(parents=True, exist_ok=True)
    if study.protocol is None:
        images, rows, distractors = _films(study, folder, truth_folder, rng)
    else:
        images, rows, distractors = _series(study, study.protocol, folder, truth_folder, rng)
    if study.context is not None:
        files.save_json(study.context, folder / "context.json")
    files.save_json(
        {
            "study_instance_uid": files.uid(study.patient.key),
            "kind": "ct" if study.protocol else "radiograph",
            "entity": study.entity,
            "others": list(study.others),
            "region": study.scene.region,
            "posture": study.posture if study.protocol else study.shots[0].posture,
            "age_years": study.patient.age_years,
            "sex": study.patient.sex,
            "laterality": _letter(study.scene),
            "context": study.context,
            "images": images,
            "lesions": rows,
            "distractors": distractors,
        },
        truth_folder / "truth.json",
    )


def _letter(scene: Scene) -> str:
    return {1: "L", -1: "R", 0: "B"}[scene.side]


def camera(scene: Scene, shot: Shot) -> Camera:
    """Where tube and film stand for a shot."""
    across = scene.reach_mm[0] if shot.view == "AP" else scene.reach_mm[1]
    shape = (int(2 * scene.reach_mm[2] / shot.pixel_mm) // 2 * 2, int(2 * across / shot.pixel_mm) // 2 * 2)
    gap = 120.0 if scene.region in TRUNK_REGIONS else 55.0
    return Camera(shot.view, scene.centre, shape, shot.pixel_mm, 1100.0 - gap, 1100.0)


def _technique(scene: Scene, shot: Shot, rng: np.random.Generator) -> radiography.Technique:
    where = camera(scene, shot)
    trunk = scene.region in TRUNK_REGIONS
    exposure = physics.Exposure(
        physics.TRUNK_BEAM if trunk else physics.LIMB_BEAM, shot.counts, 0.4 if trunk else 0.2,
        (38 if trunk else 28) / shot.pixel_mm, 0.16 / shot.pixel_mm,
    )  # fmt: skip
    letter = _letter(scene) if scene.side else "L"
    film_right = (letter == "L") == (shot.view == "AP")
    width, height = where.shape[1] * shot.pixel_mm, where.shape[0] * shot.pixel_mm
    column = width - 26 - shot.margins_mm[3] if film_right else 12 + shot.margins_mm[2]
    row = float(rng.uniform(0.1, 0.2) * height)
    return radiography.Technique(
        where, exposure, shot.look, shot.margins_mm, shot.turn_deg, letter if shot.marker else None, (row, column)
    )


def _films(
    study: Study, folder: Path, truth_folder: Path, rng: np.random.Generator
) -> tuple[list[truth.Json], list[truth.Json], list[str]]:
    images: list[truth.Json] = []
    rows: list[truth.Json] = []
    scene = study.scene
    for n, (shot, lesions) in enumerate(zip(study.shots, study.lesions, strict=True)):
        technique = _technique(scene, shot, rng)
        film = radiography.expose(scene, lesions, technique, shot.posture, rng)
        header = files.FilmHeader(
            scene.region, _letter(scene), shot.posture if shot.told else "unknown",
            78 if scene.region in TRUNK_REGIONS else 55, shot.look.bits, shot.look.inverted, n + 1,
        )  # fmt: skip
        ds = files.radiograph(study.patient, film.pixels, technique.camera, header)
        files.save(ds, folder / f"image{n + 1}.dcm")
        files.save_labels(film.labels, truth_folder / f"labels{n + 1}.png")
        gravity = radiography.film_gravity(technique.camera, shot.posture)
        rows += [truth.lesion_row(item, n) for item in film.lesions]
        images.append({
            "series_instance_uid": str(ds.SeriesInstanceUID), "sop_instance_uid": str(ds.SOPInstanceUID),
            "labels": f"labels{n + 1}.png", "view": shot.view, "posture": shot.posture, "posture_told": shot.told,
            "gravity": list(gravity) if gravity else None, "shape": list(film.pixels.shape), "pixel_mm": shot.pixel_mm,
            "fluid_level": {"assessable": gravity is not None, "present": any(s.levels for s in film.lesions)},
        })  # fmt: skip
    shown = [("side_marker", any(s.marker for s in study.shots)), ("collimation", True)]
    return images, rows, [name for name, there in shown if there]


def _series(
    study: Study, protocol: tomography.Protocol, folder: Path, truth_folder: Path, rng: np.random.Generator
) -> tuple[list[truth.Json], list[truth.Json], list[str]]:
    series = tomography.scan(study.scene, study.lesions[0], protocol, study.posture, rng)
    slices = files.ct_slices(
        study.patient,
        series.hu,
        protocol,
        region=study.scene.region,
        laterality=_letter(study.scene),
        posture=study.posture,
    )
    for n, ds in enumerate(slices):
        files.save(ds, folder / f"slice{n + 1:03d}.dcm")
    files.save_label_volume(series.labels, protocol, truth_folder / "labels1.nii.gz")
    fall = GRAVITY[study.posture]
    image: truth.Json = {
        "series_instance_uid": str(slices[0].SeriesInstanceUID), "sop_instance_uid": None, "labels": "labels1.nii.gz",
        "posture": study.posture, "posture_told": True, "gravity": [fall[2], fall[1], fall[0]],
        "shape": list(series.hu.shape), "spacing_mm": [round(float(s), 4) for s in protocol.spacing_mm],
        "fluid_level": {"assessable": True, "present": any(s.levels for s in series.lesions)},
    }  # fmt: skip
    return [image], [truth.lesion_row(item, 0) for item in series.lesions], ["table"]
