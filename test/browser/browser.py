"""Chromium without a window, driven over its DevTools protocol: the standard library does.

    with Browser() as browser:
        page = browser.page(width=1280, height=900, scheme="dark", offline=True)
        page.go("file:///tmp/run.html")
        page.wait("document.querySelector('h1')")
        assert page.text("h1") == "All 3 servers passed."
        page.press("/")
        page.complaints()      # what the page said on the console, threw, or was refused

The browser is a child that is spoken to over two pipes (--remote-debugging-pipe), so that no port is
opened, and ends with the `with`. Every wait has a deadline, WAIT seconds, and says what it was for.
CHROMIUM names another program than `chromium`.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

WAIT = 30  # seconds

# what a key is to the protocol: code, virtual key, text
KEYS = {
    "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), "Tab": ("Tab", 9, ""),
    "ArrowDown": ("ArrowDown", 40, ""), "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""), "ArrowRight": ("ArrowRight", 39, ""),
    "PageDown": ("PageDown", 34, ""), "PageUp": ("PageUp", 33, ""),
    "Home": ("Home", 36, ""), "End": ("End", 35, ""), "/": ("Slash", 191, "/"),
    "j": ("KeyJ", 74, "j"), "k": ("KeyK", 75, "k"), " ": ("Space", 32, " "),
}


class Failed(AssertionError):
    pass


class Browser:
    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="browser.")
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()
        self.buffer, self.answers, self.pages, self.number = b"", {}, {}, 0
        self.said = open(os.path.join(self.folder, "said"), "w+b")

        def place():  # it reads 3 and writes 4
            # out of the way first: either may be 3 or 4 itself
            a, b = os.dup2(to_browser, 30), os.dup2(from_browser, 31)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [os.environ.get("CHROMIUM", "chromium"), "--headless=new", "--remote-debugging-pipe",
             "--no-first-run", "--no-default-browser-check", "--disable-dev-shm-usage",
             "--disable-gpu", "--disable-extensions", "--disable-background-networking",
             "--disable-component-update", "--disable-breakpad", "--hide-scrollbars=false",
             *(["--no-sandbox"] if os.geteuid() == 0 else []),
             f"--user-data-dir={self.folder}/profile", *arguments, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said, close_fds=False,
            preexec_fn=place, start_new_session=True,
            env={**os.environ, "HOME": self.folder, "TMPDIR": self.folder, "LANG": "C.UTF-8"},
        )
        os.close(to_browser)
        os.close(from_browser)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
        except Failed:
            pass
        os.close(self.write_end)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        os.close(self.read_end)
        self.said.close()
        # its helpers write there until the last of them is gone
        deadline = time.monotonic() + 5
        while os.path.exists(self.folder) and time.monotonic() < deadline:
            shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, deadline, what):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
            raise Failed(f"waited too long for {what}")
        data = os.read(self.read_end, 1 << 20)
        if not data:
            self.said.seek(0)
            raise Failed(f"the browser ended: {self.said.read()[-2000:].decode(errors='replace')}")
        *whole, self.buffer = (self.buffer + data).split(b"\0")
        for message in map(json.loads, whole):
            if "id" in message:
                self.answers[message["id"]] = message
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].event(message["method"], message["params"])

    def call(self, method, session=None, wait=WAIT, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_end, data) :]
        deadline = time.monotonic() + wait
        while self.number not in self.answers:
            self.read(deadline, method)
        answer = self.answers.pop(self.number)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def page(self, width=1280, height=900, scheme="light", offline=False):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, width, height, scheme, offline)


class Page:
    def __init__(self, browser, session, width, height, scheme, offline):
        self.browser, self.session = browser, session
        self.said, self.requests = [], []
        browser.pages[session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        self.scheme(scheme)
        if offline:
            self.call("Network.emulateNetworkConditions", offline=True, latency=0,
                      downloadThroughput=0, uploadThroughput=0)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def event(self, method, params):
        if method == "Runtime.consoleAPICalled":
            said = " ".join(str(a.get("value", a.get("description"))) for a in params["args"])
            self.said.append(f"console {params['type']}: {said}")
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.said.append("exception: " + details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded":  # refusals of the policy are here
            self.said.append(f"{params['entry']['source']} {params['entry']['level']}: {params['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def complaints(self):
        self.js("1")  # what was said until now has come
        return self.said

    def to_front(self):
        """The page opened last hides the others."""
        self.call("Page.bringToFront")

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def scheme(self, scheme):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def scripts(self, on):
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def go(self, url):
        answer = self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise Failed(f"{url}: {answer['errorText']}")
        self.wait("document.readyState === 'complete'", f"{url} to be loaded")

    def js(self, expression, wait=WAIT):
        """The value of an expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failed(f"{expression}: " + details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, expression, what=None, seconds=WAIT):
        """Until the expression is true; its value."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                value = self.js(f"(() => {{ try {{ const it = {expression}; return it instanceof Node || it; }}"
                                " catch { return false; } })()")
            except Failed as error:  # on its way to another page
                if "navigated" not in str(error) and "context" not in str(error):
                    raise
                value = None
            if value:
                return value
            if time.monotonic() > deadline:
                raise Failed(f"waited too long for {what or expression}; the page says: "
                             + str(self.js("document.body.innerText"))[:1500] + f"\n{self.said}")
            time.sleep(0.02)

    def text(self, selector):
        return self.js(f"document.querySelector({json.dumps(selector)})?.innerText")

    def count(self, selector):
        return self.js(f"document.querySelectorAll({json.dumps(selector)}).length")

    def click(self, selector):
        self.js(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key, times=1):
        code, number, text = KEYS[key]
        for _ in range(times):
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code,
                      windowsVirtualKeyCode=number, text=text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code,
                      windowsVirtualKeyCode=number)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def screenshot(self, path, whole=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])
