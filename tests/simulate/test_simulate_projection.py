"""Path integrals and projections agree with geometry."""

import numpy as np
import pytest

from pipeline.simulate.anatomy import Bone, Scene, Tissue
from pipeline.simulate.fields import Field, lattice
from pipeline.simulate.lesions import Lesion, Patch
from pipeline.simulate.physics import CORTEX_MINERAL
from pipeline.simulate.projection import Camera, trace
from pipeline.simulate.shapes import ball, bar
from pipeline.simulate.tissue import MUSCLE_HU

SOURCE_MM = 1e6
HALF = (30.0, 25.0, 40.0)


def _scene(bones: tuple[Bone, ...] = ()) -> Scene:
    where = lattice((-50.0, -50.0, -60.0), (50.0, 50.0, 60.0), 2.5)
    block = np.broadcast_to(bar(where.grid(), (0, 0, 0), HALF, 0.0), where.shape).astype(np.float32)
    far = np.full(where.shape, 20.0, np.float32)
    soft = Tissue(Field(where, block), Field(where, -far), Field(where, far), Field(where, 0 * far))
    return Scene("thigh", 1, soft, bones, (), {}, {}, (0.0, 0.0, 0.0), (50.0, 50.0, 60.0))


def _camera(view: str = "AP") -> Camera:
    return Camera("AP" if view == "AP" else "LAT", (0.0, 0.0, 0.0), (200, 160), 0.5, SOURCE_MM, SOURCE_MM)


def test_the_water_path_of_a_block_is_its_thickness() -> None:
    for view, depth in (("AP", HALF[1]), ("LAT", HALF[0])):
        paths = trace(_scene(), (), _camera(view), np.random.default_rng(0))
        assert float(paths.water[100, 80]) == pytest.approx(2 * depth / 10 * (1 + MUSCLE_HU / 1000), rel=0.03)
        assert float(paths.water[2, 80]) == pytest.approx(0.0, abs=0.02)


def test_the_mineral_path_of_a_solid_ball_is_its_chord() -> None:
    where = lattice((-20.0, -20.0, -20.0), (20.0, 20.0, 20.0), 2.0)
    distance = np.broadcast_to(ball(where.grid(), (0, 0, 0), 12.0), where.shape).astype(np.float32)
    solid = Bone("ball", Field(where, distance), ((0.0, 50.0),), ((0.0, 0.0),))
    paths = trace(_scene((solid,)), (), _camera(), np.random.default_rng(0))
    chords = [(0.0, 24.0), (8.0, 2 * np.sqrt(144 - 64))]
    for off, chord in chords:
        column = round(off / 0.5 + 79.5)
        assert float(paths.mineral[100, column]) == pytest.approx(CORTEX_MINERAL * chord / 10, rel=0.03)


def test_a_lesion_keeps_its_mass_on_the_film() -> None:
    where = lattice((-6.0, -6.0, -6.0), (6.0, 6.0, 6.0), 0.5)
    calcium = np.broadcast_to((ball(where.grid(), (0, 0, 0), 4.0) < 0) * 0.5, where.shape).astype(np.float32)
    lesion = Lesion("granuloma", "thigh", (Patch(where, calcium),))
    paths = trace(_scene(), (lesion,), _camera(), np.random.default_rng(0))
    grams = float(calcium.sum()) * 0.05**3
    assert float(paths.calcium[0].sum()) * 0.05**2 == pytest.approx(grams, rel=0.03)


def test_a_point_is_seen_where_the_camera_says() -> None:
    where = lattice((8.0, -22.0, 13.0), (12.0, -18.0, 17.0), 0.5)
    calcium = np.ones(where.shape, np.float32)
    lesion = Lesion("granuloma", "thigh", (Patch(where, calcium),))
    camera = Camera("AP", (0.0, 0.0, 0.0), (200, 160), 0.5, 900.0, 1000.0)
    shadow = trace(_scene(), (lesion,), camera, np.random.default_rng(0)).calcium[0]
    rows, columns = np.indices(shadow.shape)
    seen = ((rows * shadow).sum() / shadow.sum(), (columns * shadow).sum() / shadow.sum())
    assert np.allclose(seen, camera.pixel((10.0, -20.0, 15.0)), atol=0.7)
    assert camera.magnified(-20.0) < 1 < camera.magnified(20.0)
