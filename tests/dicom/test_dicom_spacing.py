import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, config

from pipeline.dicom.spacing import radiograph_spacing
from pipeline.model.known import Known, Unknown


def header(**elements):
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def spacing(**elements):
    return radiograph_spacing(header(**elements))[0]


def test_calibrated_pixel_spacing_comes_first():
    found = spacing(PixelSpacing=[0.13, 0.13], ImagerPixelSpacing=[0.15, 0.15], PixelSpacingCalibrationType="GEOMETRY")
    assert found == Known((0.13, 0.13), "PixelSpacing (calibrated: GEOMETRY)")


def test_a_pixel_spacing_other_than_the_imagers_is_calibrated():
    found = spacing(PixelSpacing=[0.13, 0.13], ImagerPixelSpacing=[0.15, 0.15])
    assert found.value == (0.13, 0.13)
    assert found.source.startswith("PixelSpacing")


def test_a_copy_of_the_imager_spacing_is_not_a_calibration():
    found = spacing(
        PixelSpacing=[0.15, 0.15], ImagerPixelSpacing=[0.15, 0.15], EstimatedRadiographicMagnificationFactor=1.2
    )
    assert found.value == pytest.approx((0.125, 0.125))
    assert found.source == "ImagerPixelSpacing/magnification"


def test_magnification_comes_from_distances_too():
    found = spacing(ImagerPixelSpacing=[0.2, 0.1], DistanceSourceToDetector=1100, DistanceSourceToPatient=1000)
    assert found.value == pytest.approx((0.2 / 1.1, 0.1 / 1.1))
    assert found.source == "ImagerPixelSpacing/magnification"


def test_impossible_magnification_is_not_used_and_the_plane_is_noted():
    found, notes = radiograph_spacing(
        header(ImagerPixelSpacing=[0.2, 0.2], EstimatedRadiographicMagnificationFactor=0, DistanceSourceToDetector=1100)
    )
    assert found == Known((0.2, 0.2), "ImagerPixelSpacing")
    assert "detector" in notes[0]


def test_two_magnifications_that_disagree_are_noted():
    _, notes = radiograph_spacing(
        header(
            ImagerPixelSpacing=[0.2, 0.2],
            EstimatedRadiographicMagnificationFactor=1.5,
            DistanceSourceToDetector=1100,
            DistanceSourceToPatient=1000,
        )
    )
    assert "magnification" in notes[0]


def test_digitised_film_counts_and_is_noted():
    found, notes = radiograph_spacing(header(NominalScannedPixelSpacing=[0.17, 0.17]))
    assert found == Known((0.17, 0.17), "NominalScannedPixelSpacing")
    assert "film" in notes[0]


@pytest.mark.parametrize("value", [[0, 0], [-0.1, 0.1], [1, 1], [0.2], [1e-6, 1e-6], [50, 50], ["", ""]])
@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing"])
def test_what_is_no_spacing_is_unknown_with_a_reason(keyword, value):
    found = spacing(**{keyword: value})
    assert isinstance(found, Unknown)
    assert found.reason


@pytest.mark.parametrize("value", ["nan\\nan", "0,143\\0,143", "abc\\def"])
def test_numbers_that_are_none_are_unknown(value):
    with config.disable_value_validation():
        ds = Dataset()
        ds.add_new("ImagerPixelSpacing", "LO", value)
        assert isinstance(radiograph_spacing(ds)[0], Unknown)


def test_nothing_stated_is_unknown():
    assert isinstance(spacing(), Unknown)


@given(st.floats(0.05, 0.5), st.floats(1.01, 2.0))
def test_size_in_the_patient_is_size_at_the_detector_over_magnification(pixel, magnification):
    pixel, magnification = round(pixel, 6), round(magnification, 6)
    found = spacing(ImagerPixelSpacing=[pixel, pixel], EstimatedRadiographicMagnificationFactor=magnification)
    assert found.value[0] * magnification == pytest.approx(pixel, rel=1e-6)
