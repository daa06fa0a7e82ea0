"""Take the README's picture of the live card: a real browser, a real agent at work.

Run from the repository: ``.venv/bin/python scripts/card_picture.py``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.conftest import BROWSER_FLAGS, JupyterServer, Notebook  # noqa: E402

CELLS = [
    """import polpo_lab as polpo
lab = polpo.connect(data=":temporary:")
lab.join_demonstration()
template = polpo.Suite.load("list-functions")["orders-3"]
task = lab.tasks.create(template.task("guided", seed=1))""",
    """from polpo_lab.notebook.card import Card
card = Card(lab, task, execute=True)
card""",
]


def main() -> None:
    """Run the cells, wait for the second round, and save the card's picture."""
    picture = REPOSITORY / "docs" / "images" / "card.png"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=BROWSER_FLAGS
        )
        jupyter = JupyterServer(Path(folder))
        try:
            notebook = Notebook(browser, jupyter, CELLS, "light")
            notebook.run_all()
            card = notebook.page.locator(".polpo-card").first
            card.wait_for(timeout=60_000)
            card.locator(".polpo-pass, .polpo-fail").first.wait_for(timeout=60_000)
            notebook.page.wait_for_timeout(500)
            card.screenshot(path=str(picture))
        finally:
            jupyter.close()
            browser.close()


if __name__ == "__main__":
    main()
