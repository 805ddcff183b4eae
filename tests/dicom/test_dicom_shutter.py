import numpy as np
import pytest
from pydicom import Dataset

from pipeline.dicom.shutter import stated_field

SHAPE = (100, 80)


def header(**elements):
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def rectangle(kind, upper, lower, left, right):
    return header(
        **{
            f"{kind}Shape": "RECTANGULAR",
            f"{kind}UpperHorizontalEdge": str(upper),
            f"{kind}LowerHorizontalEdge": str(lower),
            f"{kind}LeftVerticalEdge": str(left),
            f"{kind}RightVerticalEdge": str(right),
        }
    )


@pytest.mark.parametrize("kind", ["Shutter", "Collimator"])
def test_a_rectangle_opens_what_lies_between_its_edges(kind):
    field, notes = stated_field(rectangle(kind, 10, 91, 20, 61), SHAPE)
    expected = np.zeros(SHAPE, bool)
    expected[10:90, 20:60] = True
    np.testing.assert_array_equal(field, expected)
    assert kind in notes[0]


def test_a_circle_opens_its_disc():
    field, _ = stated_field(
        header(ShutterShape="CIRCULAR", CenterOfCircularShutter=[51, 41], RadiusOfCircularShutter="30"), SHAPE
    )
    assert field[50, 40]
    assert not field[50, 75]
    assert field.sum() == pytest.approx(np.pi * 900, rel=0.01)


def test_a_polygon_opens_its_inside():
    field, _ = stated_field(
        header(ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=[11, 11, 11, 71, 91, 41]), SHAPE
    )
    assert field[20, 40]
    assert not field[85, 15]
    assert field.sum() == pytest.approx(60 * 80 / 2, rel=0.03)


def test_edges_at_the_image_shut_nothing():
    assert stated_field(rectangle("Collimator", 1, 100, 1, 80), SHAPE) == (None, ())
    assert stated_field(rectangle("Collimator", 0, 101, 0, 81), SHAPE) == (None, ())


@pytest.mark.parametrize("edges", [(0, 0, 0, 0), (90, 10, 60, 20), (50, 52, 40, 42)])
def test_a_shutter_that_leaves_nothing_is_not_followed(edges):
    field, notes = stated_field(rectangle("Shutter", *edges), SHAPE)
    assert field is None
    assert "not followed" in notes[0]


def test_no_shutter_and_half_a_shutter_shut_nothing():
    assert stated_field(header(), SHAPE) == (None, ())
    assert stated_field(header(ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge="5"), SHAPE) == (None, ())
    assert stated_field(header(ShutterShape="CIRCULAR"), SHAPE) == (None, ())
