"""Headless Chromium, driven through its DevTools protocol over a pipe: no driver program, no port, no library."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)  # fmt: skip

_LAUNCHER = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(pipe), fcntl.F_DUPFD, 10) for pipe in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Becomes the browser, which reads commands from descriptor 3 and writes answers to 4."""


def chromium() -> str | None:
    """The program, where it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Browser:
    """A running browser with one page.

    Attributes:
        complaints: Console messages of errors and warnings, exceptions, and requests that failed or left the machine.
    """

    process: "subprocess.Popen[bytes]"
    commands: int
    answers: Any
    session: str = ""
    number: int = 0
    complaints: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Self]:
        """A browser with an empty profile, which is ended by its process id."""
        program = chromium()
        assert program
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            read_commands, commands = os.pipe()
            answers, write_answers = os.pipe()
            pipes = (read_commands, write_answers)
            command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
            process = subprocess.Popen(
                [sys.executable, "-c", _LAUNCHER, *map(str, pipes), *command],
                pass_fds=pipes,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            os.close(read_commands)
            os.close(write_answers)
            with os.fdopen(answers, "rb") as stream:
                try:
                    browser = cls(process, commands, stream)
                    browser._attach()
                    yield browser
                finally:
                    os.close(commands)
                    process.kill()
                    process.wait()

    def open(self, file: Path, width: int, *, dark: bool = False, height: int = 800) -> None:
        """Open a file as a page of a screen of that width, and wait until it has loaded."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=file.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._read()

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, file: Path) -> None:
        """Write a picture (PNG) of the whole page."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(b64decode(taken["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _attach(self) -> None:
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _read(self) -> dict[str, Any]:
        """The next message; events are kept, and what they complain of."""
        read = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            assert byte, "the browser ended"
            read += byte
        message: dict[str, Any] = json.loads(read)
        if "method" in message:
            self.events.append(message)
            self.complaints += _complaints(message["method"], message["params"])
        return message


def _complaints(method: str, told: dict[str, Any]) -> list[str]:
    if method == "Runtime.exceptionThrown":
        return [f"exception: {told['exceptionDetails']}"]
    if method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
        return [f"console: {told['args']}"]
    if method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
        return [f"log: {told['entry']['text']}"]
    if method == "Network.loadingFailed":
        return [f"failed: {told['errorText']}"]
    if method == "Network.requestWillBeSent" and not told["request"]["url"].startswith(("file:", "data:")):
        return [f"asked for {told['request']['url']}"]
    return []
