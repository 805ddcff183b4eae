import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_dicom import LIMITS, ct, saved
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, generate_uid

from pipeline.dicom.files import SeriesFiles, SourceFile
from pipeline.dicom.volume import read_volumes
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Unknown
from pipeline.model.vocabulary import Posture

AXIAL = [1.0, 0, 0, 0, 1, 0]


def slice_of(n, *, value=None, **changes):
    """An axial slice 2.5 mm above the one before, filled with n."""
    pixels = np.full((6, 5), 1024 + (n if value is None else value), np.uint16)
    elements = {
        "ImagePositionPatient": [-10, -20, 100 + 2.5 * n],
        "ImageOrientationPatient": AXIAL,
        "PixelSpacing": [0.8, 0.7],
        "SliceThickness": 2.5,
        "InstanceNumber": n + 1,
        "PatientPosition": "HFS",
    }
    return ct(pixels, **(elements | changes))


def read(tmp_path, datasets):
    paths = [saved(ds, tmp_path / f"{n:03d}.dcm") for n, ds in enumerate(datasets)]
    return read_paths(paths)


def read_paths(paths):
    files = tuple(SourceFile(p, p.name, "", "") for p in paths)
    volumes, skipped = read_volumes(SeriesFiles("1.2", "CT", "ct", files), ClinicalContext(), LIMITS)
    return (volumes[0] if volumes else None), skipped


def fills(volume):
    return [int(v) for v in volume.hu[:, 0, 0]]


def test_slices_are_ordered_by_place_not_by_number_or_name(tmp_path):
    order = [3, 0, 4, 1, 2]
    volume, skipped = read(tmp_path, [slice_of(n, InstanceNumber=99 - n) for n in order])
    assert fills(volume) == [0, 1, 2, 3, 4]
    assert skipped == ()
    assert [s.name for s in volume.identity.sources] == ["001.dcm", "003.dcm", "004.dcm", "000.dcm", "002.dcm"]


def test_the_affine_maps_voxel_centres_to_the_patient(tmp_path):
    volume, _ = read(tmp_path, [slice_of(n) for n in range(4)])
    np.testing.assert_allclose(volume.voxel_to_patient @ [0, 0, 0, 1], [-10, -20, 100, 1])
    np.testing.assert_allclose(volume.voxel_to_patient @ [2, 3, 4, 1], [-10 + 4 * 0.7, -20 + 3 * 0.8, 105, 1])
    assert volume.spacing_mm == pytest.approx((2.5, 0.8, 0.7))
    assert volume.gravity.value == (0, 1, 0)
    assert volume.posture.value == Posture.SUPINE
    assert volume.slice_thickness_mm == Known(2.5, "SliceThickness")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_orientation_gives_positions_back(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    normal = np.cross(axes[0], axes[1])
    places = {n: rng_origin + 3 * n * normal for rng_origin in [rng.normal(0, 50, 3)] for n in range(4)}
    datasets = [
        slice_of(
            n,
            ImagePositionPatient=[f"{v:.6f}" for v in places[n]],
            ImageOrientationPatient=[f"{v:.8f}" for v in (*axes[0], *axes[1])],
        )
        for n in rng.permutation(4)
    ]
    volume, _ = read(tmp_path_factory.mktemp("ct"), datasets)
    for n in range(4):
        np.testing.assert_allclose((volume.voxel_to_patient @ [n, 0, 0, 1])[:3], places[n], atol=1e-4)
    assert fills(volume) == [0, 1, 2, 3]


def test_gantry_tilt_shears_the_affine_and_is_noted(tmp_path):
    tilt = np.radians(15)
    orientation = [1, 0, 0, 0, float(np.cos(tilt)), float(-np.sin(tilt))]
    datasets = [
        slice_of(n, ImageOrientationPatient=orientation, ImagePositionPatient=[0, 0, 4.0 * n]) for n in range(5)
    ]
    volume, _ = read(tmp_path, datasets)
    np.testing.assert_allclose(volume.voxel_to_patient[:3, 0], [0, 0, 4], atol=1e-9)
    assert any("gantry tilt 15.0" in note for note in volume.notes)


def test_missing_slices_are_gaps_and_nothing_is_interpolated(tmp_path):
    volume, _ = read(tmp_path, [slice_of(n) for n in (0, 1, 2, 4, 5, 8, 9)])
    assert fills(volume) == [0, 1, 2, 4, 5, 8, 9]
    assert volume.gaps == (2, 4)
    assert any("2 slices missing after slice 5" in note for note in volume.notes)
    assert volume.spacing_mm[0] == pytest.approx(2.5)


def test_a_wide_gap_parts_two_stacks_and_the_larger_is_used(tmp_path):
    volume, skipped = read(tmp_path, [slice_of(n) for n in (0, 1, 2, 20, 21, 22, 23)])
    assert fills(volume) == [20, 21, 22, 23]
    assert len(skipped) == 3


def test_a_slice_twice_counts_once(tmp_path):
    datasets = [slice_of(n) for n in (0, 1, 2, 3)] + [slice_of(2, value=50, InstanceNumber=9)]
    volume, skipped = read(tmp_path, datasets)
    assert fills(volume) == [0, 1, 2, 3]
    assert "same place" in skipped[0].reason


def test_two_acquisitions_in_a_series_are_parted(tmp_path):
    first = [slice_of(n, AcquisitionNumber=1) for n in range(4)]
    second = [slice_of(n, value=100 + n, AcquisitionNumber=2) for n in range(6)]
    volume, skipped = read(tmp_path, [*first, *second])
    assert fills(volume) == [100, 101, 102, 103, 104, 105]
    assert len(skipped) == 4


def test_an_acquisition_number_that_counts_slices_parts_nothing(tmp_path):
    volume, skipped = read(tmp_path, [slice_of(n, AcquisitionNumber=n) for n in range(5)])
    assert fills(volume) == [0, 1, 2, 3, 4]
    assert skipped == ()


def test_other_orientations_and_matrices_are_left_out(tmp_path):
    odd = [slice_of(9, ImageOrientationPatient=[1, 0, 0, 0, 0, -1]), slice_of(2, PixelSpacing=[2, 2])]
    volume, skipped = read(tmp_path, [*(slice_of(n) for n in range(4)), *odd])
    assert fills(volume) == [0, 1, 2, 3]
    assert len(skipped) == 2


def test_a_localizer_in_the_series_is_listed(tmp_path):
    scout = slice_of(7, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    volume, skipped = read(tmp_path, [*(slice_of(n) for n in range(3)), scout])
    assert fills(volume) == [0, 1, 2]
    assert "LOCALIZER" in skipped[0].reason


def test_one_corrupt_slice_leaves_a_gap(tmp_path):
    paths = [saved(slice_of(n), tmp_path / f"{n}.dcm") for n in range(6)]
    paths[3].write_bytes(paths[3].read_bytes()[:-20])
    volume, skipped = read_paths(paths)
    assert fills(volume) == [0, 1, 2, 4, 5]
    assert volume.gaps == (2,)
    assert skipped[0].path == "3.dcm"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"ImagePositionPatient": None}, "ImagePositionPatient"),
        ({"ImageOrientationPatient": None}, "ImageOrientationPatient"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, "length 1"),
        ({"ImageOrientationPatient": [1, 0, 0, 0.5, 0.8660254, 0]}, "right angles"),
        ({"PixelSpacing": None}, "PixelSpacing"),
        ({"PixelSpacing": [0, 0]}, "PixelSpacing"),
        ({"RescaleSlope": 0}, "Hounsfield"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, "Hounsfield"),
        ({"RescaleType": "MGML"}, "Hounsfield"),
        ({"AnatomicalOrientationType": "QUADRUPED"}, "animal"),
    ],
)
def test_a_series_without_geometry_or_units_is_refused_with_the_reason(tmp_path, change, word):
    volume, skipped = read(tmp_path, [slice_of(n, **change) for n in range(4)])
    assert volume is None
    assert len(skipped) == 4
    assert word in skipped[0].reason


def test_fewer_than_three_slices_are_no_volume(tmp_path):
    volume, skipped = read(tmp_path, [slice_of(n) for n in range(2)])
    assert volume is None
    assert "stack of 2" in skipped[0].reason


def test_slices_that_jump_sideways_are_refused(tmp_path):
    datasets = [slice_of(n, ImagePositionPatient=[5 * (n % 2), 0, 2.5 * n]) for n in range(6)]
    volume, skipped = read(tmp_path, datasets)
    assert volume is None
    assert "sideways" in skipped[0].reason


def test_uneven_distances_part_stacks(tmp_path):
    places = [0, 2.5, 5, 7.5, 10, 11.3, 12.6]
    datasets = [slice_of(n, ImagePositionPatient=[0, 0, z]) for n, z in enumerate(places)]
    volume, skipped = read(tmp_path, datasets)
    assert fills(volume) == [0, 1, 2, 3, 4]
    assert len(skipped) == 2


@pytest.mark.parametrize(
    ("slope", "intercept", "expected"), [(1, -1024, 6), (2, -2000, 60), (0.5, -500.5, 14), (1, -1000.4, 30)]
)
def test_rescale_gives_rounded_hounsfield_units(tmp_path, slope, intercept, expected):
    datasets = [slice_of(n, value=6, RescaleSlope=slope, RescaleIntercept=intercept) for n in range(3)]
    volume, _ = read(tmp_path, datasets)
    assert volume.hu.dtype == np.int16
    assert fills(volume) == [round(1030 * slope + intercept)] * 3 == [expected] * 3


def test_padding_and_what_lies_below_air_become_air(tmp_path):
    def padded(n, **changes):
        ds = slice_of(n, **changes)
        pixels = np.full((6, 5), 40, np.int16)
        pixels[0, :2] = -2000
        ds.PixelData, ds.PixelRepresentation, ds.RescaleIntercept = pixels.tobytes(), 1, 0
        return ds

    for changes in ({}, {"PixelPaddingValue": -2000}):
        volume, _ = read(tmp_path, [padded(n, **changes) for n in range(3)])
        assert volume.hu.min() == -1024
        assert volume.hu.max() == 40


def test_values_beyond_int16_are_clipped_not_wrapped(tmp_path):
    datasets = [slice_of(n) for n in range(3)]
    for ds in datasets:
        ds.PixelData = np.full((6, 5), 65535, np.uint16).tobytes()
    assert fills(read(tmp_path, datasets)[0]) == [32767] * 3


@pytest.mark.parametrize(
    ("agent", "expected"),
    [("IODINATED", Known(True, "ContrastBolusAgent")), ("NONE", Known(False, "ContrastBolusAgent"))],
)
def test_contrast_is_what_the_header_says(tmp_path, agent, expected):
    volume, _ = read(tmp_path, [slice_of(n, ContrastBolusAgent=agent) for n in range(3)])
    assert volume.contrast == expected
    assert isinstance(read(tmp_path, [slice_of(n) for n in range(3)])[0].contrast, Unknown)


def group(**sequences):
    own = Dataset()
    for keyword, elements in sequences.items():
        item = Dataset()
        for name, value in elements.items():
            setattr(item, name, value)
        setattr(own, keyword, Sequence([item]))
    return own


def test_an_enhanced_object_is_read_by_its_functional_groups(tmp_path):
    order = [2, 0, 3, 1]
    pixels = np.stack([np.full((6, 5), 1024 + n, np.uint16) for n in order])
    ds = ct(pixels, SOPClassUID=EnhancedCTImageStorage, SOPInstanceUID=generate_uid(), PatientPosition="HFP")
    del ds.RescaleSlope, ds.RescaleIntercept
    ds.SharedFunctionalGroupsSequence = Sequence(
        [
            group(
                PixelMeasuresSequence={"PixelSpacing": [0.8, 0.7], "SliceThickness": 3},
                PlaneOrientationSequence={"ImageOrientationPatient": AXIAL},
                PixelValueTransformationSequence={"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"},
            )
        ]
    )
    ds.PerFrameFunctionalGroupsSequence = Sequence(
        [group(PlanePositionSequence={"ImagePositionPatient": [0, 0, 3.0 * n]}) for n in order]
    )
    volume, skipped = read(tmp_path, [ds])
    assert fills(volume) == [0, 1, 2, 3]
    assert [s.frame for s in volume.identity.sources] == [2, 4, 1, 3]
    assert volume.spacing_mm == pytest.approx((3, 0.8, 0.7))
    assert volume.posture.value == Posture.PRONE
    assert skipped == ()
