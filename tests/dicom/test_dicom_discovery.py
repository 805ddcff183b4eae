import json
import os
import resource
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from made_dicom import LIMITS, STUDY, ct, image, saved
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pipeline.dicom.discovery import discover
from pipeline.model.identity import MANUFACTURER


@pytest.fixture
def found(tmp_path):
    """Discovers what lies in the folder `in`, and checks that no file was lost."""

    def run(limits=LIMITS):
        top = tmp_path / "in"
        discovery = discover([top], limits, tmp_path / "scratch")
        told = [s.path for s in discovery.skipped]
        for study in discovery.studies:
            told += [s.path for s in study.skipped] + [f.name for series in study.series for f in series.files]
            told += [str(study.context.relative_to(top))] if study.context else []
        assert sorted(told) == sorted(str(p.relative_to(top)) for p in top.rglob("*") if not p.is_dir())
        return discovery

    (tmp_path / "in").mkdir()
    return run


def reasons(study):
    return {s.path: s.reason for s in study.skipped}


def test_nothing_is_nothing(found):
    assert found().studies == ()


def test_studies_and_series_are_told_apart_by_headers_alone(found, tmp_path):
    for number, (study, series) in enumerate([("1.1", "1.1.1"), ("1.2", "1.2.1"), ("1.1", "1.1.2"), ("1.1", "1.1.1")]):
        saved(image(StudyInstanceUID=study, SeriesInstanceUID=series), tmp_path / f"in/{number}")
    studies = {s.study_instance_uid: s for s in found().studies}
    assert set(studies) == {"1.1", "1.2"}
    assert [(s.series_instance_uid, len(s.files)) for s in studies["1.1"].series] == [("1.1.1", 2), ("1.1.2", 1)]


def test_what_is_no_dicom_is_listed_beside_the_studies(found, tmp_path):
    saved(image(), tmp_path / "in/s/a.dcm")
    (tmp_path / "in/README.md").write_text("hello")
    (tmp_path / "in/s/page.dcm").write_text("<html>login</html>")
    discovery = found()
    assert {s.path: s.reason for s in discovery.skipped} == {
        "README.md": "not DICOM",
        "s/page.dcm": "not DICOM but a web page or XML: the download probably failed",
    }


def test_a_corrupt_slice_is_listed_with_its_study_and_the_series_says_so(found, tmp_path):
    for number in range(4):
        saved(ct(), tmp_path / f"in/{number}.dcm")
    path = tmp_path / "in/2.dcm"
    path.write_bytes(path.read_bytes()[:-100])
    (study,) = found().studies
    assert "expected" in reasons(study)["2.dcm"]
    assert len(study.series[0].files) == 3
    assert study.series[0].notes == ("1 of the series' files could not be used",)
    assert study.refused


def test_a_file_broken_before_its_identifiers_goes_to_the_only_study_of_its_folder(found, tmp_path):
    path = saved(ct(), tmp_path / "in/s/a.dcm")
    (tmp_path / "in/s/b.dcm").write_bytes(path.read_bytes()[:400])
    (study,) = found().studies
    assert "cut off" in reasons(study)["s/b.dcm"]


def test_reports_alone_leave_nothing_to_analyse_and_nothing_refused(found, tmp_path):
    saved(image(SOPClassUID=uid.BasicTextSRStorage, PixelData=None, Rows=None), tmp_path / "in/a")
    (study,) = found().studies
    assert study.series == ()
    assert not study.refused


def test_an_image_without_pixels_is_refused(found, tmp_path):
    saved(image(PixelData=None), tmp_path / "in/a")
    (study,) = found().studies
    assert study.series == ()
    assert study.refused


def test_our_own_results_are_listed(found, tmp_path):
    saved(image(), tmp_path / "in/a")
    saved(image(SOPClassUID=uid.SecondaryCaptureImageStorage, Manufacturer=MANUFACTURER), tmp_path / "in/b")
    (study,) = found().studies
    assert len(study.series) == 1
    assert "result of this program" in reasons(study)["b"]


def test_two_patients_in_one_study_refuse_it_whole(found, tmp_path):
    saved(image(PatientID="P1"), tmp_path / "in/a")
    saved(image(PatientID="P2"), tmp_path / "in/b")
    saved(image(PatientID=""), tmp_path / "in/c")
    (study,) = found().studies
    assert study.series == ()
    assert study.refused
    assert all("PatientIDs" in reason for reason in reasons(study).values())
    assert "P1" not in str(reasons(study))


def test_a_patient_id_left_empty_is_no_second_patient(found, tmp_path):
    saved(image(PatientID="P1"), tmp_path / "in/a")
    saved(image(PatientID=""), tmp_path / "in/b")
    (study,) = found().studies
    assert len(study.series[0].files) == 2


def test_copies_are_counted_once(found, tmp_path):
    path = saved(image(), tmp_path / "in/a")
    shutil.copy(path, tmp_path / "in/b")
    (study,) = found().studies
    assert len(study.series[0].files) == 1
    assert reasons(study) == {"b": "a copy of a, counted once"}
    assert not study.refused


def test_copies_in_another_transfer_syntax_are_copies(found, tmp_path):
    ds = image()
    saved(ds, tmp_path / "in/a")
    ds.compress(uid.RLELossless, generate_instance_uid=False)
    saved(ds, tmp_path / "in/b")
    (study,) = found().studies
    assert list(reasons(study)) == ["b"]


def test_one_identifier_with_different_pixels_refuses_both(found, tmp_path):
    saved(image(SOPInstanceUID="1.9"), tmp_path / "in/a")
    saved(image(np.zeros((12, 16), np.uint16), SOPInstanceUID="1.9"), tmp_path / "in/b")
    saved(image(), tmp_path / "in/c")
    (study,) = found().studies
    assert set(reasons(study)) == {"a", "b"}
    assert [f.name for f in study.series[0].files] == ["c"]
    assert study.refused


def dx(*, processing: bool, **changes):
    sop_class = uid.DigitalXRayImageStorageForProcessing if processing else uid.DigitalXRayImageStorageForPresentation
    intent = "FOR PROCESSING" if processing else "FOR PRESENTATION"
    return image(SOPClassUID=sop_class, Modality="DX", PresentationIntentType=intent, **changes)


@pytest.mark.parametrize("relation", ["LIN", "LOG", None])
def test_one_exposure_is_analysed_once(found, tmp_path, relation):
    raw = dx(processing=True, PixelIntensityRelationship=relation)
    source = Dataset()
    source.ReferencedSOPInstanceUID = raw.SOPInstanceUID
    saved(raw, tmp_path / "in/raw")
    saved(dx(processing=False, SourceImageSequence=Sequence([source])), tmp_path / "in/ready")
    saved(dx(processing=False), tmp_path / "in/another")
    (study,) = found().studies
    listed = "ready" if relation else "raw"
    assert list(reasons(study)) == [listed]
    assert "same exposure" in reasons(study)[listed]
    used = next(f for f in study.series[0].files if f.name in ("raw", "ready"))
    assert "same exposure" in used.notes[0]


def test_exposures_are_matched_by_their_event_and_told_apart_by_it(found, tmp_path):
    for name, processing, event in (("a", True, "1.1"), ("b", False, "1.1"), ("c", False, "1.2")):
        ds = dx(processing=processing, IrradiationEventUID=event, AcquisitionTime="101010")
        saved(changed_relation(ds), tmp_path / "in" / name)
    (study,) = found().studies
    assert list(reasons(study)) == ["b"]


def changed_relation(ds):
    ds.PixelIntensityRelationship = "LIN"
    return ds


def test_a_series_of_too_many_files_is_refused(found, tmp_path):
    for number in range(4):
        saved(ct(), tmp_path / f"in/{number}")
    (study,) = found(replace(LIMITS, max_frames=3)).studies
    assert study.series == ()
    assert all("max_frames" in reason for reason in reasons(study).values())


def test_a_study_of_too_many_bytes_keeps_what_fits(found, tmp_path):
    for number in range(3):
        saved(image(SeriesInstanceUID=f"1.{number}"), tmp_path / f"in/{number}")
    (study,) = found(replace(LIMITS, max_study_bytes=800)).studies
    assert len(study.series) == 2
    assert "max_study_bytes" in reasons(study)["2"]


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"])
def test_a_missing_identifier_is_named(found, tmp_path, keyword):
    ds = image(**{keyword: None})
    saved(ds, tmp_path / "in/a")
    discovery = found()
    told = discovery.skipped + tuple(s for study in discovery.studies for s in study.skipped)
    assert keyword in told[0].reason


@pytest.mark.parametrize("text", ["../../x", "/etc/x", "CON", "1.2\x003", "1." * 300])
def test_identifiers_of_any_form_are_carried_as_text(found, tmp_path, text):
    saved(image(StudyInstanceUID="PLACEHOLDER"), tmp_path / "in/a")
    path = tmp_path / "in/a"
    content = path.read_bytes()
    at = content.index(b"UI\x0c\x00PLACEHOLDER")
    value = text.encode() + b"\0" * (len(text) % 2)
    path.write_bytes(content[:at] + b"UI" + len(value).to_bytes(2, "little") + value + content[at + 16 :])
    (study,) = found().studies
    assert len(study.series) == 1


def test_a_context_applies_to_the_study_in_its_folder(found, tmp_path):
    saved(image(StudyInstanceUID="1.1"), tmp_path / "in/one/a")
    saved(image(StudyInstanceUID="1.2"), tmp_path / "in/two/deep/a")
    (tmp_path / "in/two/context.json").write_text("{}")
    studies = {s.study_instance_uid: s for s in found().studies}
    assert studies["1.1"].context is None
    assert studies["1.2"].context == (tmp_path / "in/two/context.json").resolve()
    assert studies["1.2"].root == (tmp_path / "in/two/deep").resolve()


@pytest.mark.parametrize(("stated", "applies"), [("1.1", True), ("1.3", False), (None, False)])
def test_a_context_above_two_studies_must_name_one(found, tmp_path, stated, applies):
    saved(image(StudyInstanceUID="1.1"), tmp_path / "in/one/a")
    saved(image(StudyInstanceUID="1.2"), tmp_path / "in/two/a")
    (tmp_path / "in/context.json").write_text(json.dumps({"study_instance_uid": stated} if stated else {}))
    discovery = found()
    assert [s.study_instance_uid for s in discovery.studies if s.context] == (["1.1"] if applies else [])
    assert len(discovery.skipped) == (not applies)


def test_a_context_whose_study_lies_elsewhere_too_is_not_applied(found, tmp_path):
    saved(image(), tmp_path / "in/one/a")
    saved(image(), tmp_path / "in/two/a")
    (tmp_path / "in/two/context.json").write_text("{}")
    discovery = found()
    assert discovery.studies[0].context is None
    assert "not applied" in discovery.skipped[0].reason


def test_the_closer_of_two_contexts_is_applied(found, tmp_path):
    saved(image(), tmp_path / "in/one/a")
    for folder in ("in", "in/one"):
        (tmp_path / folder / "context.json").write_text("[" * 100_000)
    discovery = found()
    assert discovery.studies[0].context == (tmp_path / "in/one/context.json").resolve()
    assert [s.path for s in discovery.skipped] == ["context.json"]


def test_a_folder_of_hostile_files_loses_nothing(found, tmp_path):
    path = saved(image(), tmp_path / "in/good.dcm")
    content = path.read_bytes()
    hostile = {"empty": b"", "cut": content[:300], "noise": os.urandom(5000), "magic": b"\0" * 128 + b"DICM"}
    for name, body in hostile.items():
        (tmp_path / "in" / name).write_bytes(body)
    (tmp_path / "in/link").symlink_to(path)
    os.mkfifo(tmp_path / "in/pipe")
    (study,) = found().studies
    assert study.study_instance_uid == STUDY
    assert [f.name for f in study.series[0].files] == ["good.dcm"]


@pytest.mark.slow
def test_ten_thousand_files_are_linear_and_flat(tmp_path):
    template = saved(ct(SOPInstanceUID="1.2.99999"), tmp_path / "template").read_bytes()
    for number in range(10_000):
        folder = tmp_path / f"in/{number // 1000}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / str(number)).write_bytes(template.replace(b"1.2.99999", b"1.2.%05d" % (10_000 + number)))
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (study,) = discover([tmp_path / "in"], replace(LIMITS, max_frames=10_000), tmp_path / "scratch").studies
    assert sum(len(s.files) for s in study.series) == 10_000
    assert time.process_time() - start < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
