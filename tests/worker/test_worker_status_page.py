"""The status page in headless Chromium: no accessibility rule is gravely broken."""

from pathlib import Path

import pytest
from headless import browse, grave, needs_browser

from pipeline.worker.intake import Tally
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages
from pipeline.worker.store import Store

pytestmark = [pytest.mark.slow, *needs_browser]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_gravely_broken_on_the_status_page(
    store: Store, spool: Spool, tmp_path: Path, scheme: str
) -> None:
    for number, reason in (("1.2", "took too long"), ("1.3", "")):
        spool.received(number, f"{number}.1", "a")
        spool.take_ready(0)
        spool.failed(number, reason)
    page = tmp_path / "status.html"
    page.write_text(Pages(spool, store, Tally(), lambda: True).page(), encoding="utf-8")
    assert not grave(browse(("open", page.as_uri()), ("axe",), colorScheme=scheme)[1])
