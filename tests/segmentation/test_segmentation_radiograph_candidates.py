"""Foreign objects, candidates and their features, visible extents."""

from dataclasses import replace

import numpy as np
import pytest
from radiograph_phantoms import (
    Film,
    grid_mm,
    limb,
    radiograph,
    soft_limb,
    with_bar,
    with_disc,
    with_letter,
    with_shell,
)

from pipeline.errors import ConfigurationError
from pipeline.segmentation.background import excess_maps, layer_of
from pipeline.segmentation.candidates import FEATURE_NAMES, NETWORK_NAMES, Candidates, candidates
from pipeline.segmentation.component_judgement import Chosen, choose, judge, on_grid
from pipeline.segmentation.evidence import Seen, channels_of
from pipeline.segmentation.extent import Bounds, draw
from pipeline.segmentation.field import Field, block_mean, working_field
from pipeline.segmentation.foreign import foreign_objects

DISC_MM = (3.0, 14.0)


def found_on(film: Film, noise: float = 0.01) -> tuple[Field, Candidates]:
    field = working_field(radiograph(film, noise=noise))
    layers = (layer_of(field, 1), layer_of(field, 2))
    maps = excess_maps(layers)
    seen = Seen(np.zeros(field.shape, bool))
    return field, candidates(maps, layers, tuple(channels_of(layer, maps, field, seen) for layer in layers))


def best_on(film: Film) -> tuple[dict[str, float], float]:
    """Features of the candidate that overlaps the truth best, and its intersection over union."""
    field, found = found_on(film)
    truth = block_mean(film.truth.astype(np.float32), field.factor).ravel() > 0.5
    overlaps = []
    for index in range(len(found)):
        elements = on_grid(found.of(index), int(found.strides[index]), field.shape)
        both = np.count_nonzero(truth[elements])
        overlaps.append(both / (len(elements) + np.count_nonzero(truth) - both))
    best = int(np.argmax(overlaps))
    return dict(zip(FEATURE_NAMES, found.features[best].tolist(), strict=True)), overlaps[best]


def test_a_disc_is_a_round_candidate_closed_on_all_sides() -> None:
    features, overlap = best_on(with_disc(soft_limb(), DISC_MM, 5.0, 0.3))
    assert overlap > 0.7
    assert features["elongation"] < 1.2
    assert features["long_axis_mm"] == pytest.approx(10, abs=2)
    assert features["least_sector"] > 0.4
    assert features["open_sectors"] == 0
    assert features["contrast_to_noise"] > 5


def test_a_bar_is_a_long_candidate() -> None:
    features, overlap = best_on(with_bar(soft_limb(), (0, 14), (20.0, 3.0), 0.2))
    assert overlap > 0.6
    assert features["elongation"] > 4
    assert features["long_axis_mm"] == pytest.approx(20 * np.sqrt(4 / 3), rel=0.15)


def test_a_disc_over_bone_is_a_candidate() -> None:
    assert best_on(with_disc(limb(), (0, -12), 3.5, 0.35))[1] > 0.5


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_features_do_not_turn_with_the_film(turns: int) -> None:
    film = with_disc(soft_limb(), DISC_MM, 5.0, 0.3)
    turned = Film(np.rot90(film.log, turns).copy(), np.rot90(film.truth, turns).copy())
    upright, aside = best_on(film)[0], best_on(turned)[0]
    for name in ("long_axis_mm", "elongation", "contrast", "inside_over_16mm", "inside_coherence", "inside_skin_mm"):
        assert aside[name] == pytest.approx(upright[name], rel=0.25, abs=0.05), name


def test_every_feature_is_finite_on_noise_alone() -> None:
    film = Film(np.zeros((200, 220)), np.zeros((200, 220), bool))
    assert np.isfinite(found_on(film, noise=0.05)[1].features).all()


def test_an_empty_field_has_no_candidates_and_they_are_judged() -> None:
    field, found = found_on(Film(np.zeros((100, 100)), np.zeros((100, 100), bool)), noise=0.0)
    assert len(found) == 0
    probabilities, digest = judge(np.zeros((0, len(FEATURE_NAMES) + len(NETWORK_NAMES)), np.float32))
    assert len(probabilities) == 0
    assert choose(found, probabilities, 0.0, field.shape) == ()
    assert len(digest.sha256) == 64


def test_the_table_judges_features_of_image_and_network_and_no_others() -> None:
    probabilities, _ = judge(np.zeros((3, len(FEATURE_NAMES) + len(NETWORK_NAMES)), np.float32))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    with pytest.raises(ConfigurationError, match="features"):
        judge(np.zeros((3, len(FEATURE_NAMES)), np.float32))


def test_of_overlapping_candidates_the_likeliest_is_kept() -> None:
    elements = np.array([0, 1, 2, 3, 1, 2, 20, 21], np.intp)
    found = Candidates(
        features=np.zeros((3, 1), np.float32),
        elements=elements,
        starts=np.array([0, 4, 6, 8], np.intp),
        strides=np.array([1, 1, 1], np.intp),
    )
    chosen = choose(found, np.array([0.5, 0.8, 0.6], np.float32), 0.3, (5, 5))
    assert [c.probability for c in chosen] == pytest.approx([0.8, 0.6])


def test_elements_of_a_coarse_layer_cover_their_blocks() -> None:
    assert sorted(on_grid(np.array([0, 5], np.intp), 2, (5, 5)).tolist()) == [0, 1, 5, 6, 14, 19]


def test_a_lead_letter_is_foreign_and_a_disc_is_not() -> None:
    image = radiograph(with_letter(with_disc(limb(), DISC_MM, 5.0, 0.3), (-30, 20)))
    field = working_field(image)
    foreign = foreign_objects(image, field)
    row, col = grid_mm(field.shape, field.spacing_mm[0])
    letter = (np.abs(row + 30) < 5) & (np.abs(col - 20) < 1)
    assert foreign[letter].mean() > 0.9
    assert not foreign[np.hypot(row - DISC_MM[0], col - DISC_MM[1]) < 5].any()


def test_burned_in_words_are_foreign() -> None:
    image = radiograph(limb())
    values = image.attenuation.copy()
    values[30:60, 200:206] = values[54:60, 200:220] = 4.0
    image = replace(image, attenuation=values)
    assert foreign_objects(image, working_field(image))[16:29, 100:103].all()


@pytest.mark.parametrize(
    "film",
    [
        with_disc(soft_limb(), DISC_MM, 2.0, 0.3),
        with_disc(soft_limb(), DISC_MM, 8.0, 0.2),
        with_bar(soft_limb(), (0, 14), (24.0, 3.0), 0.2),
        with_shell(soft_limb(), (0, 8), (15.0, 13.5), 0.25),
        with_disc(limb(), (0, -12), 3.5, 0.35),
    ],
    ids=["speck", "disc", "bar", "shell", "disc over bone"],
)
def test_the_extent_is_what_is_visible(film: Film) -> None:
    image = radiograph(film, noise=0.01)
    field = working_field(image)
    truth = block_mean(film.truth.astype(np.float32), field.factor)
    drawn = draw(image, field, (Chosen(np.flatnonzero(truth > 0.7), 0.9),), Bounds(field.valid, field.valid))
    seen = np.zeros(image.shape, bool)
    for deposit in drawn.deposits:
        box = tuple(slice(a, b) for a, b in zip(deposit.crop.offset, deposit.crop.stop, strict=True))
        seen[box] |= deposit.crop.mask
    dice = 2 * np.count_nonzero(seen & film.truth) / (np.count_nonzero(seen) + np.count_nonzero(film.truth))
    assert dice > 0.75


def test_the_background_under_a_disc_is_the_limb() -> None:
    plain, film = soft_limb(), with_disc(soft_limb(), DISC_MM, 6.0, 0.4)
    image = radiograph(film, noise=0.0)
    field = working_field(image)
    truth = block_mean(film.truth.astype(np.float32), field.factor)
    drawn = draw(image, field, (Chosen(np.flatnonzero(truth > 0.7), 0.9),), Bounds(field.valid, field.valid))
    scale = field.log_per_unit
    error = (drawn.background - image.attenuation) * scale - (plain.log - film.log)
    assert np.abs(error[film.truth]).max() < 0.06
    assert np.array_equal(drawn.background[:100], image.attenuation[:100])
