import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_dicom import LIMITS, image, saved
from pydicom.uid import DigitalXRayImageStorageForProcessing

from pipeline.dicom.files import SeriesFiles, SourceFile
from pipeline.dicom.radiograph import normalised, read_radiographs
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Unknown

RAMP = np.linspace(200, 3800, 90 * 80).reshape(90, 80).astype(np.uint16)


def series(*paths):
    files = tuple(SourceFile(p, p.name, "1.2", "1.2") for p in paths)
    return SeriesFiles("1.2", "CR", "radiograph", files)


def read(tmp_path, values=RAMP, **changes):
    path = saved(image(values, **changes), tmp_path / "a.dcm")
    images, skipped = read_radiographs(series(path), ClinicalContext(), LIMITS)
    assert len(images) + len(skipped) == 1
    return images[0] if images else skipped[0]


def expected(values):
    low, high = np.quantile(values, (0.02, 0.98))
    return (values - low) / (high - low)


def test_large_values_of_monochrome2_attenuate_more(tmp_path):
    np.testing.assert_allclose(read(tmp_path).attenuation, expected(RAMP.astype(float)), atol=1e-4)


def test_monochrome1_is_turned_round(tmp_path):
    found = read(tmp_path, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    np.testing.assert_allclose(found.attenuation, expected(-RAMP.astype(float)), atol=1e-4)
    assert not any("contradict" in note for note in found.notes)


def test_quantiles_of_the_valid_field_become_0_and_1(tmp_path):
    found = read(tmp_path)
    np.testing.assert_allclose(np.quantile(found.attenuation[found.valid], (0.02, 0.98)), (0, 1), atol=1e-4)


@pytest.mark.parametrize("window", [{"WindowCenter": 100, "WindowWidth": 10}, {"WindowCenter": 3000, "WindowWidth": 1}])
def test_the_window_of_display_does_not_matter(tmp_path, window):
    np.testing.assert_array_equal(read(tmp_path, **window).attenuation, read(tmp_path).attenuation)


def test_linear_raw_data_become_log_attenuation_of_known_scale(tmp_path):
    thickness = np.linspace(0, 3, 90 * 80).reshape(90, 80)
    signal = np.round(60000 * np.exp(-thickness)).astype(np.uint16)
    found = read(
        tmp_path,
        signal,
        SOPClassUID=DigitalXRayImageStorageForProcessing,
        Modality="DX",
        PresentationIntentType="FOR PROCESSING",
        PixelIntensityRelationship="LIN",
        PixelIntensityRelationshipSign=1,
        PhotometricInterpretation="MONOCHROME1",
    )
    np.testing.assert_allclose(found.attenuation, expected(thickness), atol=2e-3)
    assert found.log_per_unit.value == pytest.approx(0.96 * 3, rel=1e-2)


def test_the_sign_decides_in_raw_data_and_the_photometric_interpretation_elsewhere(tmp_path):
    raw = {"PresentationIntentType": "FOR PROCESSING", "PixelIntensityRelationship": "LOG"}
    found = read(tmp_path, PixelIntensityRelationshipSign=1, **raw)
    np.testing.assert_allclose(found.attenuation, expected(-RAMP.astype(float)), atol=1e-4)
    assert isinstance(found.log_per_unit, Unknown)
    shown = read(tmp_path, PixelIntensityRelationshipSign=1, PresentationIntentType="FOR PRESENTATION")
    np.testing.assert_allclose(shown.attenuation, expected(RAMP.astype(float)), atol=1e-4)
    assert any("contradicts" in note for note in shown.notes)


def test_a_lut_shape_that_contradicts_is_noted(tmp_path):
    found = read(tmp_path, PresentationLUTShape="INVERSE")
    np.testing.assert_allclose(found.attenuation, expected(RAMP.astype(float)), atol=1e-4)
    assert any("PresentationLUTShape" in note for note in found.notes)


def test_a_colour_copy_of_a_grey_image_is_the_grey_image(tmp_path):
    grey = (RAMP // 16).astype(np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=-1)
    path = saved(
        image(
            grey, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, PixelData=colour.tobytes()
        ),
        tmp_path / "rgb.dcm",
    )
    found = read_radiographs(series(path), ClinicalContext(), LIMITS)[0][0]
    np.testing.assert_array_equal(found.attenuation, read(tmp_path, grey).attenuation)


def test_padding_is_not_valid(tmp_path):
    values = RAMP.copy()
    values[:10] = 0
    found = read(tmp_path, values, PixelPaddingValue=0)
    assert not found.valid[:10].any()
    assert found.valid[13:].all()


@pytest.mark.parametrize("values", [np.zeros((70, 60), np.uint16), np.full((1, 1), 65535, np.uint16)])
def test_a_flat_image_is_all_zero_and_noted(tmp_path, values):
    found = read(tmp_path, values)
    assert not found.attenuation.any()
    assert "no contrast in the image" in found.notes


def test_an_animal_and_a_cut_file_are_listed_and_the_rest_is_read(tmp_path):
    animal = saved(image(RAMP, AnatomicalOrientationType="QUADRUPED"), tmp_path / "animal.dcm")
    good = saved(image(RAMP), tmp_path / "good.dcm")
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(good.read_bytes()[:-500])
    images, skipped = read_radiographs(series(animal, broken, good), ClinicalContext(), LIMITS)
    assert len(images) == 1
    assert [s.path for s in skipped] == ["animal.dcm", "broken.dcm"]
    assert all(s.reason for s in skipped)


def test_a_radiograph_knows_where_it_comes_from(tmp_path):
    found = read(tmp_path, SOPInstanceUID="1.2.3.9", ImagerPixelSpacing=[0.2, 0.2])
    assert found.identity.sop_instance_uid == "1.2.3.9"
    assert found.identity.sources[0].name == "a.dcm"
    assert found.spacing_mm == Known((0.2, 0.2), "ImagerPixelSpacing")


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.01, 100), offset=st.floats(-1e4, 1e4), seed=st.integers(0, 99))
def test_normalising_forgets_gain_and_offset(gain, offset, seed):
    values = np.random.default_rng(seed).normal(size=(40, 30)).astype(np.float32)
    valid = np.ones(values.shape, bool)
    first, unit, _ = normalised(values, valid)
    second, scaled_unit, _ = normalised((values * gain + offset).astype(np.float32), valid)
    np.testing.assert_allclose(first, second, atol=0.2 if abs(offset) > 1e3 * gain else 2e-3)
    assert scaled_unit == pytest.approx(unit * gain, rel=0.2 if abs(offset) > 1e3 * gain else 1e-3)
