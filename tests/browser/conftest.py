"""JupyterLab in a headless Chromium, for the tests of this folder.

Marked ``browser``: skipped, with the reason, where there is none (see tests/conftest.py).
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest

BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    mine = [item for item in items if here in item.path.parents]
    for item in mine:
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.timeout(180))
    # Playwright's loop runs in this thread from its first test to the end of the session, and
    # an asyncio test cannot run below it: these come last.
    items[:] = [item for item in items if item not in set(mine)] + mine


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    path = shutil.which("chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield browser
        browser.close()


class JupyterServer:
    """A JupyterLab server of its own: own settings, own folder, killed at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root / "notebooks"
        self.root.mkdir()
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        quiet = root / "settings" / "@jupyterlab" / "apputils-extension"
        quiet.mkdir(parents=True)
        (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(root / "config"),
            "JUPYTER_RUNTIME_DIR": str(root / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(root / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces"),
            "IPYTHONDIR": str(root / "ipython"),
        }
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
            f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}",
            "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        self.log = root / "jupyter.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=self.root, env=environment, stdout=log, stderr=log
            )
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"token {self.token}"}, timeout=10
        )
        wait_until(self._answers, 60, lambda: self.log.read_text()[-2000:])

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.http.get("/api/status").is_success
        except httpx.TransportError:
            return False

    def kernels(self) -> list[dict[str, Any]]:
        return self.http.get("/api/kernels").json()

    def close(self) -> None:
        for kernel in self.kernels():
            self.http.delete(f"/api/kernels/{kernel['id']}")
        self.http.close()
        self.process.terminate()
        self.process.wait(20)


def wait_until(
    holds: Callable[[], Any], seconds: float, explain: Callable[[], str] = lambda: ""
) -> Any:
    """Poll what offers no event: another process's state over HTTP, a file on disk."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s. {explain()}"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="session")
def jupyter(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    server = JupyterServer(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.close()


class Notebook:
    """One notebook open in JupyterLab: run its cells, look at its page, read its file."""

    def __init__(self, chromium: Any, jupyter: JupyterServer, cells: list[str], theme: str) -> None:
        self.jupyter = jupyter
        self.name = f"test-{secrets.token_hex(4)}.ipynb"
        self.path = jupyter.root / self.name
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            # Without it a dialog asks for the kernel and blocks every click.
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(book, self.path)
        self.context = chromium.new_context(viewport={"width": 1180, "height": 1000})
        self.page = self.context.new_page()
        self.received_bytes = 0
        self.page.on("websocket", self._count)
        self.open()
        if theme != "light":
            self.command("apputils:change-theme", theme="JupyterLab Dark")

    def _count(self, socket: Any) -> None:
        def received(frame: Any) -> None:
            self.received_bytes += len(frame)

        socket.on("framereceived", received)

    def open(self) -> None:
        # A workspace of its own: the shared one would open the other tests' notebooks again.
        place = f"lab/workspaces/{self.path.stem}/tree/{self.name}"
        self.page.goto(f"{self.jupyter.url}/{place}?token={self.jupyter.token}")
        self.page.wait_for_function("window.jupyterapp !== undefined")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.wait_for_kernel()

    def reload(self) -> None:
        self.page.reload()
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """JupyterLab says idle before a kernel is connected, and then loses what is run."""

        def is_connected() -> bool:
            sessions = self.jupyter.http.get("/api/sessions").json()
            mine = [s["kernel"] for s in sessions if s["path"].endswith(self.name)]
            return bool(mine) and mine[0]["connections"] > 0 and self._page_is_connected()

        wait_until(is_connected, 60)

    def _page_is_connected(self) -> bool:
        return self.page.evaluate(
            "(() => { const p = window.jupyterapp.shell.currentWidget;"
            " const k = p?.sessionContext?.session?.kernel;"
            " return k?.connectionStatus === 'connected' && k?.status !== 'unknown'"
            " && k?.status !== 'starting' })()"
        )

    @property
    def kernel_id(self) -> str:
        sessions = self.jupyter.http.get("/api/sessions").json()
        return next(s["kernel"]["id"] for s in sessions if s["path"].endswith(self.name))

    def command(self, name: str, **arguments: Any) -> None:
        self.page.evaluate(
            "([name, args]) => { window.jupyterapp.commands.execute(name, args); }",
            [name, arguments],
        )

    def heap_bytes(self) -> int:
        """What the page's scripts hold after a collection."""
        devtools = self.context.new_cdp_session(self.page)
        devtools.send("HeapProfiler.collectGarbage")
        used = devtools.send("Runtime.getHeapUsage")["usedSize"]
        devtools.detach()
        return used

    def run(self, number: int) -> None:
        """Run one cell and wait until the kernel has it."""
        self.page.locator(".jp-CodeCell .jp-InputPrompt").nth(number).click()
        self.command("notebook:run-cell")
        self.page.wait_for_function(
            "(n) => !/\\[ ?\\]/.test("
            "document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')[n].textContent)",
            arg=number,
        )

    def restart_kernel(self) -> None:
        """Give the notebook a kernel that knows none of its widgets."""
        self.jupyter.http.post(f"/api/kernels/{self.kernel_id}/restart").raise_for_status()

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def wait_for_idle(self, seconds: float = 60) -> None:
        """Wait until every cell has run."""
        self.page.wait_for_function(
            "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".every((p) => /\\[\\d+\\]/.test(p.textContent))",
            timeout=seconds * 1000,
        )

    def save(self) -> dict[str, Any]:
        """Save, wait for the file, and return what it holds."""
        before = self.path.stat().st_mtime_ns
        self.command("docmanager:save")
        wait_until(lambda: self.path.stat().st_mtime_ns != before, 20)
        return nbformat.read(self.path, as_version=4)

    def close(self) -> None:
        self.context.close()
        self.jupyter.http.delete(f"/api/kernels/{self.kernel_id}")


@pytest.fixture
def notebook(chromium: Any, jupyter: JupyterServer) -> Iterator[Callable[..., Notebook]]:
    opened: list[Notebook] = []

    def open_notebook(*cells: str, theme: str = "light") -> Notebook:
        opened.append(Notebook(chromium, jupyter, list(cells), theme))
        return opened[-1]

    yield open_notebook
    for each in opened:
        each.close()
