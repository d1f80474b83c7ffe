"""A real browser without a window, driven over the DevTools protocol by its pipe: no driver, no port, no network."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: The protocol's pipe is on descriptors 3 and 4; both may be something else in the process that starts it.
_LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for end, place in zip(ends, (3, 4)):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def require(lock: Path) -> str:
    """The browser's executable; on Debian it is installed if missing. Raises RuntimeError saying what to do."""
    from filelock import FileLock

    with FileLock(lock):
        found = find()
        if found is None and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
            install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
            if subprocess.run(install, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode:
                subprocess.run(["apt-get", "update"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
                subprocess.run(install, capture_output=True, stdin=subprocess.DEVNULL, check=False)
            found = find()
    if found is None:
        raise RuntimeError(
            f"the report's page is tried in a browser, and none of {', '.join(NAMES)} is on PATH: "
            "install one (on Debian: apt-get install chromium)"
        )
    return found


class Browser:
    """One page in one browser. `said` is what the console and the page's errors said."""

    def __init__(self, reading: Any, writing: Any) -> None:
        self._reading, self._writing = reading, writing
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        self.said: list[str] = []
        self.requested: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._writing.write(json.dumps(message).encode() + b"\0")
        self._writing.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def wait_for(self, method: str) -> None:
        while self._next().get("method") != method:
            pass

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._reading.fileno(), 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        method, parameters = found.get("method"), found.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.said.append(str(parameters["exceptionDetails"].get("text")))
        elif method == "Runtime.consoleAPICalled":
            self.said.append(f"{parameters['type']}: {parameters['args']}")
        elif method == "Log.entryAdded":
            self.said.append(str(parameters["entry"]["text"]))
        elif method == "Network.requestWillBeSent":
            self.requested.append(str(parameters["request"]["url"]))
        return found

    def open(
        self, file: Path, *, width: int = 1200, height: int = 900, dark: bool = False, phone: bool = False
    ) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        self.call("Page.navigate", url=file.as_uri())
        self.wait_for("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", "the script failed"))
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36}
        codes |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for type_ in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=type_,
                key=key,
                code={" ": "Space"}.get(key, key),
                windowsVirtualKeyCode=codes[key],
                **({"text": text} if text and type_ == "keyDown" else {}),
            )

    def picture(self, file: Path, *, whole: bool = False) -> None:
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    def paper(self) -> bytes:
        """The page as PDF, on A4."""
        answer = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)
        return base64.b64decode(answer["data"])


@contextmanager
def browser(executable: str, profile: Path) -> Iterator[Browser]:
    """One browser for as long as this lasts. It has a profile of its own and reaches no network."""
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()
    arguments = [
        *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
        # Nothing that is asked for can leave this machine.
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}"),
        # In a container root has no sandbox; the page is our own.
        *(("--no-sandbox",) if os.geteuid() == 0 else ()),
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCH, str(to_browser), str(to_us), executable, *arguments],
        pass_fds=(to_browser, to_us),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(to_us)
    with os.fdopen(from_browser, "rb", buffering=0) as reading, os.fdopen(from_us, "wb") as writing:
        try:
            driven = Browser(reading, writing)
            yield driven
            driven._session = None
            driven.call("Browser.close")
        finally:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
