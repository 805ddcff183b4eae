"""report.html: one study on one self-contained page, readable without network or script."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from PIL import Image as Picture

from pipeline.report.pictures import View, colour_of

DISCLAIMER = "Decision support, not a diagnosis. AI result, not for primary diagnosis: a physician decides."
WEBP_QUALITY = 82
MOST_ENTITIES = 6
"""Entities shown with bars and evidence; the rest follow as a list."""
MOST_EVIDENCE = 8
"""Rows of evidence shown for one entity, strongest first."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """What people call entities, groups and findings, by id."""

    entities: Mapping[str, str]
    groups: Mapping[str, str]
    findings: Mapping[str, str]

    def entity(self, key: str) -> str:
        """Name of an entity, its id in words where there is none."""
        return self.entities.get(key, key.replace("_", " "))

    def finding(self, key: str) -> str:
        """Name of a finding, its id in words where there is none."""
        return self.findings.get(key, key.replace("_", " "))


def report_page(results: Row, pictures: Mapping[int, Sequence[View]], names: Names) -> str:
    """The page of one study. `results` is the content of results.json; `pictures` are views by index of the image."""
    page = environment().get_template("report.html.j2")
    return page.render(
        results=results,
        names=names,
        disclaimer=DISCLAIMER,
        headline=headline(results, names),
        images=[_image_card(row, pictures.get(i, ()), i) for i, row in enumerate(results["images"])],
        key=_key_card(key_view(results, pictures)),
        lesions=[_lesion_card(row) for row in results["lesions"]],
        ranked=results["differential"][:MOST_ENTITIES],
        rest=[r for r in results["differential"][MOST_ENTITIES:] if r["probability"] >= 0.005],
        most_evidence=MOST_EVIDENCE,
    )


def headline(results: Row, names: Names) -> str:
    """One sentence: what was found and what leads."""
    status = results["study"]["status"]
    if status == "failed":
        return "This study could not be analysed."
    if status == "nothing_to_analyse":
        return "Nothing in this study could be analysed: it holds no radiograph or CT."
    count = len(results["lesions"])
    if not count:
        return "No soft-tissue calcification was found."
    top = results["differential"][0]
    found = "One lesion was found" if count == 1 else f"{count} lesions were found"
    return f"{found}. Most probable: {names.entity(top['entity'])} ({top['probability']:.0%})."


def key_view(results: Row, pictures: Mapping[int, Sequence[View]]) -> tuple[int, View] | None:
    """The picture to look at first, with the index of its image: where the surest lesion lies.

    Of a volume it is the slice with most lesion. None when nothing was pictured.
    """
    surest = max(results["lesions"], key=lambda row: row["confidence"], default=None)
    shown = [index for index in sorted(pictures) if pictures[index]]
    if not shown:
        return None
    index = surest["image"] if surest is not None and surest["image"] in shown else shown[0]
    return index, pictures[index][min(1, len(pictures[index]) - 1)]


def environment() -> jinja2.Environment:
    """Templates with escaping on, so that nothing from a header becomes markup."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["measure"] = measure_text
    made.filters["words"] = lambda text: str(text).replace("_", " ")
    made.filters["percent"] = lambda share: f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"
    return made


def data_uri(picture: Picture.Image) -> str:
    """A picture as a WebP data URI."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=WEBP_QUALITY, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def measure_text(feature: Row) -> str:
    """A feature as text: value and unit, or "not assessable" with the reason."""
    if "not_assessable" in feature:
        return f"not assessable: {feature['not_assessable']}"
    value = feature["value"]
    unit = {"1": "", "[hnsf'U]": "HU", "mm2": "mm²", "mm3": "mm³", "deg": "°"}.get(feature["unit"], feature["unit"])
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {unit}".rstrip()


def _image_card(row: Row, shown: Sequence[View], index: int) -> dict[str, Any]:
    return {
        "row": row,
        "number": index + 1,
        "views": [
            {"caption": v.caption, "marked": data_uri(v.marked), "plain": data_uri(v.plain), "name": v.name}
            for v in shown
        ],
    }


def _key_card(key: tuple[int, View] | None) -> dict[str, Any] | None:
    return {"number": key[0] + 1, "caption": key[1].caption, "marked": data_uri(key[1].marked)} if key else None


def _lesion_card(row: Row) -> dict[str, Any]:
    colour = "#{:02x}{:02x}{:02x}".format(*colour_of(row["id"]))
    states = {
        state: [f for f in row["findings"] if f["state"] == state] for state in ("present", "absent", "not_assessable")
    }
    states["present"].sort(key=lambda f: -f["probability"])
    known = {k: v for k, v in row["features"].items() if "value" in v}
    return {
        "row": row,
        "colour": colour,
        "states": states,
        "known": known,
        "unknown": len(row["features"]) - len(known),
    }
