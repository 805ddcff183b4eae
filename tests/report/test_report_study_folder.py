"""A study's folder holds the picture that a reader should see first."""

from pathlib import Path

import numpy as np
from builders import analysis, lesion_at, volume

from pipeline.model.result import Analysis, KeyPicture, Skipped
from pipeline.report.pictures import colour_of
from pipeline.report.reasons import Names
from pipeline.report.study_folder import write_study


def test_the_key_picture_of_a_ct_is_the_slice_with_most_lesion(tmp_path: Path) -> None:
    image = volume()
    small = lesion_at((slice(1, 2), slice(10, 14), slice(10, 14)), image.shape)
    large = lesion_at((slice(5, 7), slice(5, 20), slice(5, 20)), image.shape, number=2)
    seen: list[KeyPicture | None] = []

    def keep(_: Analysis, __: Path, key: KeyPicture | None) -> tuple[tuple[Path, ...], tuple[Skipped, ...]]:
        seen.append(key)
        return (), ()

    whole = analysis(image=image, lesions=(small, large))
    write_study(whole, tmp_path / "made", keep, Names({}, {}, {}), fingerprint="f")
    (key,) = seen
    assert key is not None
    drawn = [bool(np.all(key.rgb == colour_of(number), axis=2).any()) for number in (1, 2)]
    assert drawn == [False, True]
