"""The whole search on films of known content, and on real and simulated radiographs where they are at hand."""

from dataclasses import replace

import numpy as np
import pytest
from radiograph_phantoms import Film, limb, radiograph, with_disc, with_leaf, with_letter

from pipeline.errors import ConfigurationError
from pipeline.knowledge.settings import SegmentationSettings
from pipeline.model.image import Mask, Radiograph
from pipeline.model.known import Unknown
from pipeline.model.lesion import Segmentation
from pipeline.segmentation.radiograph import segment_radiograph

SETTINGS = SegmentationSettings()
DISC = with_disc(limb(), (3.0, 14.0), 5.0, 0.45)


def label_mask(segmentation: Segmentation, shape: tuple[int, ...]) -> Mask:
    found = np.zeros(shape, bool)
    for lesion in segmentation.lesions:
        for deposit in lesion:
            box = tuple(slice(a, b) for a, b in zip(deposit.crop.offset, deposit.crop.stop, strict=True))
            found[box] |= deposit.crop.mask
    return found


def dice(found: Mask, truth: Mask) -> float:
    return 2 * np.count_nonzero(found & truth) / max(1, np.count_nonzero(found) + np.count_nonzero(truth))


def found_on(image: Radiograph) -> Segmentation:
    return segment_radiograph(image, SETTINGS)


def test_a_plain_disc_is_one_lesion_and_the_rest_is_none() -> None:
    image = radiograph(DISC)
    found = found_on(image)
    assert len(found.lesions) == 1
    assert dice(label_mask(found, image.shape), DISC.truth) > 0.7


def test_a_limb_without_calcium_has_no_lesion() -> None:
    assert found_on(radiograph(limb())).lesions == ()


def test_a_letter_and_a_leaf_are_no_lesions() -> None:
    image = radiograph(with_leaf(with_letter(limb(), (-30, 22)), 9.0))
    valid = image.valid.copy()
    valid[:60] = False
    assert found_on(replace(image, valid=valid)).lesions == ()


@pytest.mark.parametrize("turned", [np.fliplr, np.flipud, np.rot90, np.transpose], ids=lambda f: f.__name__)
def test_a_turned_or_mirrored_film_has_the_same_lesion(turned: object) -> None:
    image, other = radiograph(DISC), None
    assert callable(turned)
    other = replace(
        image,
        attenuation=np.ascontiguousarray(turned(image.attenuation)),
        valid=np.ascontiguousarray(turned(image.valid)),
    )
    upright = turned(label_mask(found_on(image), image.shape))
    assert dice(label_mask(found_on(other), other.shape), upright) > 0.9


def test_finer_pixels_show_the_same_lesion() -> None:
    fine = with_disc(limb((1120, 960), 0.1), (3.0, 14.0), 5.0, 0.45)
    image = radiograph(fine, noise=0.03)
    assert dice(label_mask(found_on(image), image.shape), fine.truth) > 0.7


def test_what_is_handed_on_has_the_image_s_shape_and_reasons() -> None:
    image = radiograph(DISC)
    found = found_on(image)
    assert found.background is not None
    assert found.background.shape == image.shape
    assert np.isfinite(found.background).all()
    window = found.body.window((0, 0), image.shape)
    assert window.shape == image.shape
    assert window[DISC.truth].all()
    assert found.bone.window((200, 160), (360, 200)).mean() > 0.3
    assert found.noise > 0
    assert [model.name for model in found.models] == ["radiograph", "radiograph_judgement"]


def test_the_same_film_gives_the_same_deposits() -> None:
    first, second = (found_on(radiograph(DISC)) for _ in range(2))
    assert np.array_equal(first.lesions[0][0].crop.mask, second.lesions[0][0].crop.mask)
    assert first.lesions[0][0].confidence == second.lesions[0][0].confidence


def test_without_spacing_the_lesion_is_still_found() -> None:
    found = found_on(radiograph(DISC, known_spacing=False))
    assert len(found.lesions) >= 1
    assert any("spacing not known" in note for note in found.notes)


@pytest.mark.parametrize("shape", [(8, 8), (3, 400), (64, 50)])
def test_tiny_and_flat_films_have_no_lesions(shape: tuple[int, int]) -> None:
    image = radiograph(Film(np.zeros(shape), np.zeros(shape, bool)), noise=0.0)
    assert found_on(image).lesions == ()


def test_a_film_that_is_nowhere_valid_has_no_lesions() -> None:
    image = radiograph(DISC)
    assert found_on(replace(image, valid=np.zeros(image.shape, bool))).lesions == ()


def test_a_film_made_for_showing_is_searched_as_well() -> None:
    found = found_on(replace(radiograph(DISC), log_per_unit=Unknown("processing")))
    assert len(found.lesions) >= 1


def test_without_a_network_s_file_nothing_is_searched_in_silence() -> None:
    with pytest.raises(ConfigurationError):
        segment_radiograph(radiograph(DISC), replace(SETTINGS, radiograph_model="nowhere.onnx"))
