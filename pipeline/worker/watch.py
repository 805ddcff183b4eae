"""Watching an Orthanc: studies that became stable there are fetched through its REST API and analysed.

The place in its /changes is a row of the spool, written after the work that the changes before it ask for is durable. A
study is told from its echo by its content: the images in it that are not this program's own. A study whose content has
not changed since it was fetched (own results came back, or were rejected, or deleted) is left alone.
"""

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.worker.intake import SOP_CLASSES, Intake, is_own
from pipeline.worker.log import tell
from pipeline.worker.web import Answer, Site, WebError

PAGE = 100
"""Changes asked for at a time."""
LONGEST_WAIT_S = 60.0
"""Longest pause before an archive that does not answer is asked again."""
Row = Mapping[str, Any]


class NoRoom(WebError):
    """What is new in the archive does not fit into the spool now."""


class Watch:
    """Looks at one archive, again and again."""

    def __init__(self, site: Site, intake: Intake, stop: threading.Event) -> None:
        self._site, self._intake, self._stop = site, intake, stop
        self._next, self._silent = 0.0, 0
        self._tries: Counter[str] = Counter()

    def look(self) -> bool:
        """Handle one page of changes; returns whether there may be more. An archive that is down is asked later."""
        if time.monotonic() < self._next:
            return False
        poll_s = self._intake.settings.watch_s
        try:
            more = self._page()
        except (WebError, KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, WebError) else f"{self._site.url} is no Orthanc"
            self._silent += 1
            self._next = time.monotonic() + min(LONGEST_WAIT_S, poll_s * 2.0 ** min(self._silent, 10))
            self._say(reason)
            return False
        self._silent = 0
        self._next = 0.0 if more else time.monotonic() + poll_s
        self._say("ok")
        return more

    def _say(self, state: str) -> None:
        """Tell a state that is new."""
        if self._intake.tally.watching != state:
            self._intake.tally.watching = state
            tell("watching", url=self._site.url, state=state)

    def _page(self) -> bool:
        """Changes since the place, from the last known one on, which tells whether it is still the same database."""
        last, mark = self._intake.spool.place(self._site.url)
        page = self._json(f"/changes?since={max(last - 1, 0)}&limit={PAGE}")
        changes = [change for change in page["Changes"] if isinstance(change, dict)]
        known = [change for change in changes if change["Seq"] == last]
        if page["Last"] < last or (known and _mark(known[0]) != mark):
            tell("watching", url=self._site.url, state="another database: looked through from its beginning")
            self._intake.spool.set_place(self._site.url, 0, "")
            return True
        news = [change for change in changes if change["Seq"] > last]
        for study in dict.fromkeys(change["ID"] for change in news if change["ChangeType"] == "StableStudy"):
            if not self._fetched(str(study)):
                return False
        if news:
            self._intake.spool.set_place(self._site.url, int(news[-1]["Seq"]), _mark(news[-1]))
        return bool(news) and not page["Done"]

    def _fetched(self, study: str) -> bool:
        """As `_study`; one that an archive in good health fails to give, again and again, holds up no other."""
        try:
            return self._study(study)
        except NoRoom:
            raise
        except WebError as error:
            self._tries[study] += 1
            if self._tries[study] < self._intake.settings.max_attempts or self._get("/system") is None:
                raise
            tell("left out", study=study, reason=str(error))
            self._intake.tally.add("refused")
        del self._tries[study]
        return True

    def _study(self, study: str) -> bool:
        """Fetch a study's images unless its content is known; returns False when the worker stops meanwhile."""
        series = self._json(f"/studies/{study}/series", missing=[])
        others = [row["ID"] for row in series if not is_own(row.get("MainDicomTags", {}).get("Manufacturer"))]
        images: list[Row] = [row for parent in others for row in self._json(f"/series/{parent}/instances", missing=[])]
        content = _content(images)
        if not images or content == self._intake.spool.fetched(self._site.url, study):
            return True
        tell("fetching", study=study, instances=len(images))
        for image in images:
            if self._stop.is_set():
                return False
            self._image(image)
        self._intake.spool.set_fetched(self._site.url, study, content)
        return True

    def _image(self, image: Row) -> None:
        """Take one image in. WebError when there is no room for it now."""
        where = f"/instances/{image['ID']}"
        sop_class = self._get(f"{where}/metadata/SopClassUid")
        if sop_class is None or sop_class.body.decode("ascii", "replace").strip("\0 ") not in SOP_CLASSES:
            return
        if int(image.get("FileSize", 0)) > self._intake.settings.max_instance_bytes:
            self._intake.tally.add("refused")
            return
        file = self._get(f"{where}/file")
        if file is not None and self._intake.take(file.body) == "full":
            raise NoRoom("no room in the spool for what is new in the archive: free disk space")

    def _get(self, path: str) -> Answer | None:
        """An answer; None for what is not there (deleted meanwhile)."""
        answer = self._site.ask("GET", path)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise WebError(f"{self._site.url} answered HTTP status {answer.status}: check watch_user and watch_secret")
        return answer

    def _json(self, path: str, missing: Any = None) -> Any:
        answer = self._get(path)
        if answer is None and missing is not None:
            return missing
        try:
            return json.loads(answer.body if answer else b"")
        except (ValueError, RecursionError) as error:
            raise WebError(f"{self._site.url} is no Orthanc: name the address of its REST API") from error


def _mark(change: Row) -> str:
    """What tells a change from another one with its number."""
    return f"{change.get('Date', '')} {change.get('ID', '')}"


def _content(images: Sequence[Row]) -> str:
    """A digest of which images there are and which files they are: one that was replaced is another."""
    names = sorted(f"{image['ID']} {image.get('FileUuid', '')}" for image in images)
    return hashlib.sha256("\n".join(names).encode()).hexdigest() if names else ""
