"""Necks, marrow, outlines."""

import numpy as np
from ct_phantoms import Limb
from scipy.ndimage import binary_dilation

from pipeline.model.lesion import Crop, box_in, crop_of
from pipeline.segmentation.body import find_body, pooled_hu
from pipeline.segmentation.bone import paint_pieces
from pipeline.segmentation.boundary import visible_extents
from pipeline.segmentation.noise import Quality, measure_quality
from pipeline.segmentation.pieces import cut_components
from pipeline.segmentation.solid import solid

SPACING = (2.0, 0.9, 0.9)


def mask_of(*balls: tuple[float, float, float]) -> np.ndarray:
    """Union of balls (row mm, column mm, radius mm) in the middle of 30 slices of 110 x 110."""
    s, r, c = np.meshgrid(*(np.arange(n) * d for n, d in zip((30, 110, 110), SPACING, strict=True)), indexing="ij")
    found = np.zeros(s.shape, bool)
    for row, column, radius in balls:
        found |= (s - 30) ** 2 + (r - row) ** 2 + (c - column) ** 2 <= radius**2
    return found


def quality_of(limb: Limb) -> Quality:
    volume = limb.volume()
    body = find_body(volume, pooled_hu(volume))
    return measure_quality(volume, body, pooled_hu(volume))


def test_a_ball_is_one_piece() -> None:
    (piece,) = cut_components([crop_of(mask_of((50, 50, 15)))], SPACING)
    assert piece.contacts == ()
    assert 13 < piece.depth_mm < 17


def test_a_deposit_on_a_neck_is_a_piece_of_its_own() -> None:
    pieces = cut_components([crop_of(mask_of((50, 30, 16), (50, 54, 10)))], SPACING)
    assert len(pieces) == 2
    assert {c.other for p in pieces for c in p.contacts} == {0, 1}
    small = min(pieces, key=lambda p: np.count_nonzero(p.filled))
    expected = np.count_nonzero(mask_of((50, 54, 10)))
    assert abs(np.count_nonzero(small.dense.mask) / expected - 1) < 0.15


def test_pieces_of_a_component_cover_it_once() -> None:
    crop = crop_of(mask_of((50, 30, 16), (50, 54, 10), (70, 60, 8)))
    count = np.zeros(crop.mask.shape, int)
    for piece in cut_components([crop], SPACING):
        box = box_in(piece.dense, crop.offset)
        count[box] += piece.dense.mask
    assert (count == crop.mask).all()


def test_marrow_belongs_to_its_cortex_and_a_notch_stays_open() -> None:
    rows, columns = np.ogrid[:60, :60]
    radius = np.hypot(rows - 30, columns - 30)
    ring = ((radius < 20) & (radius > 16))[None]
    assert solid(ring, SPACING)[0, 30, 30]
    open_ring = ring & ~((np.abs(rows - 30) < 6) & (columns > 30))[None]
    assert not solid(open_ring, SPACING)[0, 30, 30]


def test_bone_is_painted_with_its_marrow() -> None:
    limb = Limb().bone()
    crop = crop_of(limb.hu > 300)
    bone = paint_pieces(cut_components([crop], limb.spacing), limb.volume(), (1, 2, 2))
    assert bone.at(np.array([limb.inside(0, 0), limb.inside(0, 11), limb.inside(0, 25)])).tolist() == [
        True,
        True,
        False,
    ]


def test_the_outline_of_a_deposit_in_muscle_is_its_visible_extent() -> None:
    limb = Limb().ball(25, 0, 6)
    volume = limb.volume()
    core = crop_of(volume.hu > 250)
    (extent,) = visible_extents(volume, quality_of(limb), [core], [])
    assert extent is not None
    truth = limb.ball(25, 0, 0.1).hu > 55 + 60
    overlap = np.count_nonzero(truth[tuple(extent.points().T)])
    dice = 2 * overlap / (np.count_nonzero(truth) + np.count_nonzero(extent.mask))
    assert dice > 0.85


def test_the_outline_does_not_creep_over_bone() -> None:
    limb = Limb().bone().ball(21, 0, 6)
    volume = limb.volume()
    deposit, bone = crop_of(Limb().ball(21, 0, 6).hu > 300), crop_of(Limb().bone().hu > 300)
    deposit = crop_of(_without(deposit, bone, volume.shape))
    (extent,) = visible_extents(volume, quality_of(limb), [deposit], [bone])
    assert extent is not None
    assert not (_full(extent, volume.shape) & _full(bone, volume.shape)).any()


def test_two_deposits_share_no_voxel() -> None:
    limb = Limb().ball(25, -8, 6).ball(25, 8, 6)
    volume = limb.volume()
    cores = [crop_of(Limb().ball(25, x, 5).hu > 300) for x in (-8, 8)]
    first, second = visible_extents(volume, quality_of(limb), cores, [])
    assert first is not None
    assert second is not None
    assert not (_full(first, volume.shape) & _full(second, volume.shape)).any()
    assert binary_dilation(_full(first, volume.shape), iterations=4)[tuple(second.points().T)].any()


def _full(crop: Crop, shape: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(shape, bool)
    found[tuple(crop.points().T)] = True
    return found


def _without(crop: Crop, other: Crop, shape: tuple[int, ...]) -> np.ndarray:
    return _full(crop, shape) & ~_full(other, shape)
