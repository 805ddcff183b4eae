"""The network for CT: what it is shown, how pieces are seen, cut and judged by it."""

from pathlib import Path

import numpy as np
import pytest
from ct_phantoms import Limb, as_volume

from pipeline.errors import ConfigurationError
from pipeline.knowledge.settings import SegmentationSettings
from pipeline.model.image import Floats
from pipeline.model.lesion import crop_of
from pipeline.segmentation.ct import NETWORK, look_at, segment_volume
from pipeline.segmentation.ct_network import NAMES, UNSEEN, Atlas, figures
from pipeline.segmentation.ct_planes import CELLS, PLANES, planes_about
from pipeline.segmentation.inference import session
from pipeline.segmentation.pieces import Piece
from pipeline.segmentation.recut import recut

SPACING_MM = (3.0, 1.0, 1.0)
SHAPE = (7, 60, 60)


def ball_volume(hu: int, radius_mm: float = 6.0) -> np.ndarray:
    s, r, c = np.ogrid[:7, :60, :60]
    inside = ((s - 3) * 3.0) ** 2 + (r - 30.0) ** 2 + (c - 30.0) ** 2 < radius_mm**2
    return np.where(inside, hu, 50).astype(np.int16)


def whole_piece(mask: np.ndarray) -> Piece:
    crop = crop_of(mask)
    return Piece(0, crop, crop.mask, 5.0)


def atlas_of(log_odds: Floats) -> Atlas:
    """An atlas that sees the same map in every slice."""
    atlas = Atlas(as_volume(ball_volume(50), SPACING_MM), NETWORK)
    atlas.places = [(float(n), 29.5, 29.5) for n in range(SHAPE[0])]
    atlas.maps = [log_odds] * SHAPE[0]
    return atlas


def left_and_right() -> Floats:
    odds = np.full((CELLS, CELLS), -4.0, np.float32)
    odds[:, CELLS // 2 :] = 4.0
    return odds


def test_even_tissue_gives_even_planes_even_beyond_the_field() -> None:
    planes = planes_about(as_volume(np.full(SHAPE, 100, np.int16), SPACING_MM), (0.0, 2.0, 59.0))
    assert planes.shape == (2 * PLANES, CELLS, CELLS)
    assert np.ptp(planes, axis=(1, 2)).max() < 1e-5
    assert planes[0, 0, 0] == pytest.approx((100 + 150) / 250 - 1, abs=1e-5)


def test_a_ball_is_in_the_middle_of_the_view_about_it() -> None:
    planes = planes_about(as_volume(ball_volume(800), SPACING_MM), (3.0, 30.0, 30.0))
    middle = planes[PLANES + PLANES // 2]
    rows, columns = np.nonzero(middle > middle.min() + 0.5)
    assert rows.mean() == pytest.approx((CELLS - 1) / 2, abs=0.5)
    assert columns.mean() == pytest.approx((CELLS - 1) / 2, abs=0.5)
    assert np.ptp(rows) * 1.5 == pytest.approx(12, abs=3)


def test_a_piece_is_described_by_its_own_cells() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 20:40, 35:45] = True
    row = dict(zip(NAMES, figures((whole_piece(mask),), atlas_of(left_and_right()))[0].tolist(), strict=True))
    assert row["net_mean"] == row["net_low"] == row["net_high"] == 4.0
    assert row["net_share"] == 1.0
    assert row["net_beside"] == row["net_around"] == UNSEEN


def test_what_is_in_no_view_is_unseen() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 20:40, 35:45] = True
    atlas = atlas_of(left_and_right())
    atlas.places, atlas.maps = [], []
    assert (figures((whole_piece(mask),), atlas) == UNSEEN).all()


def test_a_piece_of_two_kinds_is_cut_where_they_meet_and_nothing_is_lost() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[1:6, 20:40, 15:45] = True
    whole = whole_piece(mask)
    parts = recut((whole,), atlas_of(left_and_right()))
    assert len(parts) == 2
    found = np.zeros(SHAPE, int)
    for part in parts:
        found[tuple(part.dense.points().T)] += 1
    assert (found == mask).all()
    assert parts[1].dense.offset[2] == pytest.approx(30, abs=1)
    assert [c.other for c in parts[0].contacts] == [1]
    assert [c.other for c in parts[1].contacts] == [0]
    assert parts[0].contacts[0].area_mm2 == parts[1].contacts[0].area_mm2 == 5 * 3.0 * 20


@pytest.mark.parametrize("odds", [-4.0, 4.0])
def test_a_piece_of_one_kind_stays_whole(odds: float) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[1:6, 20:40, 15:45] = True
    whole = whole_piece(mask)
    assert recut((whole,), atlas_of(np.full((CELLS, CELLS), odds, np.float32))) == (whole,)


def test_the_models_that_took_part_are_named() -> None:
    limb = Limb().bone().ball(30, 5, 7).volume(8.0)
    assert [m.name for m in segment_volume(limb, SegmentationSettings()).models] == [
        "ct_network",
        "ct_network_pieces",
    ]
    assert [m.name for m in segment_volume(limb, SegmentationSettings(ct_network="none")).models] == ["ct_pieces"]


def test_the_trees_alone_find_a_ball_too() -> None:
    limb = Limb().bone().ball(30, 5, 7).volume(8.0)
    assert len(segment_volume(limb, SegmentationSettings(ct_network="none")).lesions) == 1


def test_the_network_tells_calcium_in_muscle_from_the_shaft() -> None:
    seen = look_at(Limb().bone().ball(30, 5, 7).volume(8.0), NETWORK)
    mean = seen.features[:, -len(NAMES)]
    voxels = np.array([np.count_nonzero(p.dense.mask) for p in seen.pieces])
    assert len(seen.pieces) == 2
    assert mean[voxels.argmin()] > mean[voxels.argmax()]


def test_another_file_than_a_network_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(ConfigurationError, match=r"other\.onnx"):
        session(path)
