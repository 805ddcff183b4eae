"""One lesion on two views is one; two lesions stay two."""

from builders import lesion_at, radiograph

from pipeline.model.known import Known, Unknown
from pipeline.model.vocabulary import Laterality, Posture, Region
from pipeline.segmentation.matching import match_views

SHAPE = (60, 50)
BOX = (slice(20, 30), slice(20, 30))
MOVED = (slice(23, 34), slice(22, 31))
ELSEWHERE = (slice(45, 55), slice(20, 30))


def test_a_mass_erect_and_supine_is_one_lesion() -> None:
    images = (radiograph(), radiograph(posture=Known(Posture.SUPINE, "ProtocolName")))
    first, second = match_views((lesion_at(BOX, SHAPE), lesion_at(MOVED, SHAPE, number=2, image=1)), images)
    assert first.same_as == (2,)
    assert second.same_as == (1,)


def test_lesions_at_other_heights_stay_two() -> None:
    lesions = (lesion_at(BOX, SHAPE), lesion_at(ELSEWHERE, SHAPE, number=2, image=1))
    assert all(not x.same_as for x in match_views(lesions, (radiograph(), radiograph())))


def test_on_another_view_only_the_height_counts() -> None:
    lateral = radiograph(view=Known("LAT", "ViewPosition"))
    shifted = (BOX[0], slice(2, 12))
    lesions = (lesion_at(BOX, SHAPE), lesion_at(shifted, SHAPE, number=2, image=1))
    assert match_views(lesions, (radiograph(), lateral))[0].same_as == (2,)
    assert match_views(lesions, (radiograph(), radiograph()))[0].same_as == ()


def test_two_lesions_on_one_image_are_never_the_same() -> None:
    lesions = (lesion_at(BOX, SHAPE), lesion_at(MOVED, SHAPE, number=2))
    assert all(not x.same_as for x in match_views(lesions, (radiograph(),)))


def test_each_lesion_has_one_partner_an_image() -> None:
    lesions = (
        lesion_at(BOX, SHAPE),
        lesion_at(BOX, SHAPE, number=2, image=1),
        lesion_at(MOVED, SHAPE, number=3, image=1),
    )
    matched = match_views(lesions, (radiograph(), radiograph()))
    assert [x.same_as for x in matched] == [(2,), (1,), ()]


def test_other_sides_and_unknown_regions_are_not_matched() -> None:
    lesions = (lesion_at(BOX, SHAPE), lesion_at(BOX, SHAPE, number=2, image=1))
    left = radiograph(laterality=Known(Laterality.LEFT, "ImageLaterality"))
    nowhere = radiograph(region=Unknown("not stated"))
    knee = radiograph(region=Known(Region.KNEE, "BodyPartExamined"))
    for other in (left, nowhere, knee):
        assert all(not x.same_as for x in match_views(lesions, (radiograph(), other)))
