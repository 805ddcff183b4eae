"""report.html: one study on one self-contained page, readable without network or script."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pipeline.report.cards import lesion_cards
from pipeline.report.encoding import CT_WINDOWS, RADIOGRAPH_WINDOWS
from pipeline.report.pictures import COLOURS
from pipeline.report.reasons import Decider, Names, decider, disagreement, not_assessed, statement, why
from pipeline.report.scenes import Scene, Shown
from pipeline.report.templating import environment, script
from pipeline.report.wording import advice, headline, told

DISCLAIMER = "Decision support, not a diagnosis. AI result, not for primary diagnosis: a physician decides."
UNDECIDED = "No single finding: how often each cause is seen, and how sure the deposits are, decided."
NOTHING_SEEN = "No deposit was found; what remains is how much calcium such images miss."
MOST_FIRST = 3
"""Entities on the first screen."""
MOST_ENTITIES = 6
"""Entities shown with their evidence; the rest follow as a list."""
LEAST_OPEN = 0.05
"""Probability from which the evidence of one of the first three stands open; the first's always does."""
MOST_REST = 6
"""Entities named as also possible; the rest are counted."""
MOST_EVIDENCE = 8
"""Rows of evidence shown for one entity, strongest first."""
MOST_PRESENT = 7
"""Findings of a lesion that its card opens with; weaker ones are folded away."""
LEAST_AXIS = 2.0
"""Least end of the evidence's axis, so that weak evidence looks weak."""
MOST_LANES = 5
"""Lanes for lesions beside a stack of slices; further ones share the last."""
MOST_JUMPS = 12
FOLLOW_UP = ("<!--follow-up-->", "<!--/follow-up-->")
"""Around the part that is filled when earlier studies are compared; text from outside is escaped and cannot hold it."""

Row = Mapping[str, Any]


def report_page(results: Row, shown: Mapping[int, Shown], names: Names, patient: str = "") -> str:
    """The page of one study. `results` is the content of results.json; `shown` are pictures by index of the image.

    Every image bears `data-image` (its number, from 1) and `data-uid`, every outline, number and card `data-lesion`;
    pictures have coordinates in elements of their plane (`data-aspect`, `data-corner`, `data-slice`).
    """
    images = [_image_card(row, shown.get(i), i, results) for i, row in enumerate(results["images"])]
    cards, more = lesion_cards(results, images, shown)
    key = _key_card(results, images)
    ranked = [row for row in results["differential"][:MOST_ENTITIES] if row["evidence"]]
    rest = [r for r in results["differential"][MOST_FIRST:] if r["probability"] >= 0.01]
    decided = decider(results, names)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            patient=patient,
            names=names,
            analysed=results["study"]["status"] == "analysed",
            disclaimer=DISCLAIMER,
            headline=headline(results, names.entity),
            script=script("report.js"),
            windows=(*CT_WINDOWS, *RADIOGRAPH_WINDOWS),
            colours=["#{:02x}{:02x}{:02x}".format(*colour) for colour in COLOURS],
            key=key,
            images=images,
            lesions=cards,
            more_lesions=more,
            first=[{"row": row, "why": why(row, results, names)} for row in results["differential"][:MOST_FIRST]],
            decider=decided,
            sign=_sign_crop(decided, key, images),
            advice=advice,
            told=told,
            undecided=UNDECIDED if results["lesions"] else NOTHING_SEEN,
            rest=rest[:MOST_REST],
            unnamed=rest[MOST_REST:],
            ranked=ranked,
            opened=sum(row["probability"] >= LEAST_OPEN for row in ranked[1:MOST_FIRST]) + 1,
            axis=_axis(ranked),
            most_evidence=MOST_EVIDENCE,
            most_present=MOST_PRESENT,
            statement=statement,
            profiles=disagreement(results),
            assessed=[f for f in results["findings"] if f["state"] != "not_assessable"],
            not_assessed=not_assessed(results, names),
            follow_up=_follow_up(results.get("follow_up")),
        )
    )


def with_follow_up(page: str, compared: Row | None) -> str:
    """A page that `report_page` made, with its comparison to an earlier study replaced by `compared`."""
    start, end = FOLLOW_UP
    return re.sub(f"{start}.*?{end}", lambda _: _follow_up(compared), page, count=1, flags=re.DOTALL)


def key_image(results: Row, shown: Mapping[int, object]) -> int | None:
    """Index of the image to look at first: where the surest lesion lies, else the first; None when none is pictured."""
    surest = max(results["lesions"], key=lambda row: row["confidence"], default=None)
    if surest is not None and surest["image"] in shown:
        return int(surest["image"])
    return min(shown, default=None)


def _follow_up(compared: Row | None) -> Markup:
    part = environment().get_template("follow_up.html.j2").render(compared=compared)
    return Markup(FOLLOW_UP[0] + part + FOLLOW_UP[1])  # rendered with escaping a line above


def _axis(ranked: list[Row]) -> float:
    """End of the axis of all evidence bars: the strongest weight that is shown."""
    weights = [abs(float(e["weight"])) for entry in ranked for e in entry["evidence"][:MOST_EVIDENCE]]
    return max([LEAST_AXIS, *weights])


def _image_card(row: Row, shown: Shown | None, index: int, results: Row) -> dict[str, Any]:
    ct = row["kind"] == "ct"
    lesions = [x for x in results["lesions"] if x["image"] == index]
    card: dict[str, Any] = {
        "row": row,
        "number": index + 1,
        "uid": row["sop_instance_uid"] or row["series_instance_uid"],
        "ct": ct,
        "shown": shown,
        "windows": CT_WINDOWS if ct else RADIOGRAPH_WINDOWS,
        "alt": f"Image {index + 1}, {row['modality']} {row['view'] or ''}".rstrip() + said([x["id"] for x in lesions]),
    }
    if shown is not None and ct:
        card |= _stack(shown, lesions)
    return card


def _stack(shown: Shown, lesions: list[Row]) -> dict[str, Any]:
    """What a stack of slices needs beside its pictures: where lesions lie along it, and links to them."""
    indices = [s.index for s in shown.slices if s.index is not None]
    single = shown.single
    lanes = min(MOST_LANES, max(1, len(lesions)))
    extents = []
    jumps = []
    for lane, row in enumerate(lesions):
        low, high = row["bbox"][0][0], row["bbox"][1][0]
        inside = [i for i, index in enumerate(indices) if low <= index <= high]
        if not inside:
            continue
        extents.append(
            {
                "lesion": row["id"],
                "top": round(100 * inside[0] / len(indices), 2),
                "height": round(100 * (inside[-1] - inside[0] + 1) / len(indices), 2),
                "left": round(100 * min(lane, lanes - 1) / lanes, 1),
                "width": round(80 / lanes, 1),
            }
        )
        if shown.best[row["id"]] in indices:
            jumps.append({"lesion": row["id"], "slice": shown.best[row["id"]]})
    return {
        "ratio": round(single.width / single.height, 4),
        "open_at": single.index,
        "extents": extents,
        "jumps": jumps[:MOST_JUMPS],
        "said": {s.index: said([m.lesion for m in s.marks]) for s in shown.slices},
        "said_all": said([row["id"] for row in lesions]),
    }


def said(lesions: list[int]) -> str:
    """The end of an alternative text: which lesions are outlined."""
    if not lesions:
        return ", no lesion outlined"
    shown = ", ".join(map(str, lesions[:12])) + (" and more" if len(lesions) > 12 else "")
    return f", {'lesion' if len(lesions) == 1 else 'lesions'} {shown} outlined and numbered"


def _key_card(results: Row, images: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The card of the image to look at first with its picture; the image's own card then uses the same pixels."""
    index = key_image(results, {i: card for i, card in enumerate(images) if card["shown"] is not None})
    if index is None:
        return None
    card = images[index]
    scene: Scene = card["shown"].single
    alt = card["alt"] if not card["ct"] else scene.caption + said([m.lesion for m in scene.marks])
    return card | {"scene": scene, "alt": alt}


def _sign_crop(decided: Decider | None, key: Row | None, images: Sequence[Row]) -> Row | None:
    """The picture of the lesion that shows the deciding sign with its image, where the key picture does not show it."""
    if decided is None or decided.lesion is None or key is None:
        return None
    if decided.lesion in {mark.lesion for mark in key["scene"].marks}:
        return None
    pictured = [card for card in images if card["shown"] is not None and decided.lesion in card["shown"].crops]
    return {"crop": pictured[0]["shown"].crops[decided.lesion], "image": pictured[0]} if pictured else None
