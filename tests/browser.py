"""A headless Chromium for tests: opens a file, evaluates JavaScript there, says what went wrong or was asked for."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--hide-scrollbars", "--remote-debugging-pipe")  # fmt: skip


def found():
    """The path of a Chromium, or None."""
    return os.environ.get("MIX2FLD_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


PROBES = Path(__file__).parent / "page_probes.js"


class Browser:
    """One page of a Chromium of its own, spoken to over a pipe (Chrome's DevTools protocol)."""

    def __init__(self, width=1280, height=800, dark=False, still=False, mobile=False, flags=()):
        self.profile, self.n_sent, self.events, self.session = tempfile.mkdtemp(), 0, [], None
        (their_in, to), (self.back, their_out) = os.pipe(), os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (their_in, their_out)]

        def place():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        command = [found(), *FLAGS, *flags, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, preexec_fn=place, pass_fds=(3, 4), start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        for end in (their_in, their_out, *ends):
            os.close(end)
        self.to, self.buffer = to, b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.look(width, height, dark, still, mobile)

    def look(self, width=1280, height=800, dark=False, still=False, mobile=False):
        """The size of the screen, and what its owner prefers."""
        motion = "reduce" if still else ""
        features = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": motion}
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        named = [{"name": name, "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=named)

    def call(self, method, **parameters):
        """What the browser answers."""
        self.n_sent += 1
        message = {"id": self.n_sent, "method": method, "params": parameters}
        text = json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0"
        while text:
            text = text[os.write(self.to, text) :]
        while True:
            answer = self.read()
            if answer.get("id") == self.n_sent:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def read(self):
        """The next message."""
        while b"\0" not in self.buffer:
            part = os.read(self.back, 1 << 20)
            assert part, "the browser has ended"
            self.buffer += part
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def open(self, address):
        """Opens a page and waits until it is loaded."""
        self.events = []
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=str(address))
        loaded = "document.readyState === 'complete' ? done(1) : addEventListener('load', () => done(1))"
        self.evaluate(f"new Promise((done) => {loaded})")
        self.evaluate(PROBES.read_text(encoding="utf-8"))

    def evaluate(self, expression):
        """The value of an expression, waited for if it is a promise."""
        how = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.call("Runtime.evaluate", expression=expression, **how)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def ask(self, function, *arguments):
        """What a function of the page, or of page_probes.js, returns for arguments that JSON can carry."""
        return self.evaluate(f"{function}({', '.join(map(json.dumps, arguments))})")

    def wait_for(self, condition, seconds=60):
        """Waits until an expression is true, in the page's own time."""
        late = "performance.now() > end ? fail(new Error('never true')) : setTimeout(look, 30)"
        self.evaluate(f"""new Promise((done, fail) => {{
            const end = performance.now() + {1000 * seconds}, look = () => ({condition}) ? done(1) : {late};
            look();
        }})""")

    @property
    def problems(self):
        """Errors and warnings so far."""
        bad = {"Runtime.exceptionThrown", "Log.entryAdded"}
        return [event for event in self.events if event["method"] in bad]

    @property
    def requests(self):
        """The addresses that were asked for."""
        asked = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in asked]

    def picture(self):
        """A screenshot, PNG in base 64."""
        return self.call("Page.captureScreenshot", format="png")["data"]

    def close(self):
        """Ends this browser and what it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(Path(self.profile), ignore_errors=True)
