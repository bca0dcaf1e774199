"""The pages of muster serve in Chromium: serve.py MUSTER STORE HOSTILE SHARED. test/integration/serve_pages.bats
makes the stores: two runs of 30 servers, one whose every text is an attack, and one of PostgreSQL with two workers."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from urllib.parse import quote

from browser import Browser
from checks import has, is_, run, sound

MUSTER, STORE, HOSTILE, SHARED = sys.argv[1:5]


class Serve:
    """muster serve on a free port, until the `with` ends."""

    def __init__(self, store, *words):
        self.process = subprocess.Popen([MUSTER, "serve", "--listen", "127.0.0.1:0", "--store", store, *words],
                                        stdout=subprocess.PIPE, text=True)
        self.url = next(w for w in self.process.stdout.readline().split() if w.startswith("http")).rstrip("/")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=20)

    def json(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)


def opened(browser, serve, path, wait="document.querySelector('h1')", **how):
    page = browser.page(**how)
    page.go(serve.url + path)
    page.wait(wait, f"{path} to be shown")
    return page


def every_page_is_shown_and_sound(browser, serve):
    ids = [r["run"] for r in serve.json("/api/runs")]
    pages = {
        "/": "document.querySelector('.runs')",
        "/runs/last": "document.querySelector('tr[data-index]')",
        "/runs/last/servers/7": "document.querySelector('article .log')",
        "/runs/last/log": "document.querySelector('.log tbody tr')",
        "/history/7": "document.querySelector('svg.history')",
        f"/compare?from={ids[1]}&to={ids[0]}": "document.querySelector('main h2')",
    }
    for scheme in ("light", "dark"):
        for path, there in pages.items():
            page = opened(browser, serve, path, there, scheme=scheme)
            sound(page, f"{path}, {scheme}")
            is_([u for u in page.requests if not u.startswith((serve.url, "data:"))], [], f"asked elsewhere, {path}")
    page = opened(browser, serve, "/", width=360, height=700)
    sound(page, "/, narrow")


def what_is_not_there_is_said(browser, serve):
    for path in ("/runs/none", "/history/nobody", "/compare?from=none&to=last"):
        page = opened(browser, serve, path, "document.querySelector('[role=alert]')")
        has(page.text("[role=alert]"), "no", path)


def two_runs_are_chosen_and_compared(browser, serve):
    page = opened(browser, serve, "/", "document.querySelector('.runs')")
    is_(page.js("document.querySelector('.controls button').disabled"), True, "nothing is chosen")
    page.js("document.querySelectorAll('.runs input').forEach((i) => i.click())")
    page.click(".controls button")
    page.wait("location.pathname === '/compare' && document.querySelector('#from')", "the comparison")
    after, before = [r["run"] for r in serve.json("/api/runs")]
    is_(page.js("[document.getElementById('from').value, document.getElementById('to').value]"), [before, after], "which is before which")
    failing = serve.json(f"/api/compare?from={before}&to={after}")["newly_failing"]
    assert failing, "no server newly fails"
    has(page.text("h1"), f"{len(failing)} server", "the outcome of the comparison")


def the_log_is_filtered_by_server_and_level(browser, serve):
    page = opened(browser, serve, "/runs/last/log", "document.querySelector('.log tbody tr')")
    lines = page.count(".log tbody tr")
    page.js("document.getElementById('log-server').value = '7'")
    page.click(".filter button")
    page.wait(f"document.querySelectorAll('.log tbody tr').length < {lines} && document.querySelector('.log tbody tr')", "fewer lines")
    has(page.text(".log"), "benchmark completed", "the server's log")
    is_(page.js("location.search"), "?server=7", "the address")
    page.js("""(() => { const s = document.getElementById("log-level"); s.value = "warning"; s.dispatchEvent(new Event("change")); })()""")
    page.wait("location.search === '?server=7&level=warning'", "the level in the address")
    page.wait("![...document.querySelectorAll('.log tbody tr')].some((r) => r.cells[1].innerText === 'info')", "no line of a lower level")
    is_(page.complaints(), [], "complaints")


def watched(browser, serve, delay):
    """A run of 120 servers from its begin to its end; what was seen meanwhile, and two pages of it."""
    seen = set()
    going = subprocess.Popen([MUSTER, "run", "-q", "-f", "4", "--store", STORE,
                              f"--simulate=servers=120,delay={delay}ms-{3 * delay}ms,seed=5,score=40-100"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while (newest := serve.json("/api/runs")[0])["total"] != 120 or newest["state"] != "running":
            assert going.poll() is None or newest["total"] == 120, "the run was never seen"
            if going.poll() is not None:
                return seen, None, None
        page = opened(browser, serve, "/runs/last", "document.querySelector('tr[data-index]')")
        log = opened(browser, serve, "/runs/last/log", "document.querySelector('.log tbody')")
        page.to_front()
        page.js("document.querySelector('tr[data-index] a').focus()")
        while page.count(".live"):
            told = page.text(".live") or ""  # the run may have ended since
            seen.add((page.text(".toggle.passed .n"), "% done" in told))
            time.sleep(0.05)
    finally:
        going.wait(60)
    return seen, page, log


def a_run_is_watched_to_its_end(browser, serve):
    # a run is over before it is seen where the machine is busy: then one that takes longer
    for delay in (20, 100, 400):
        seen, page, log = watched(browser, serve, delay)
        if len({n for n, told in seen if told}) > 1:
            break
    else:
        raise AssertionError(f"nothing happened while the run went on: {seen}")
    is_(page.js("document.activeElement.innerText"), "1", "the focus, through all changes")
    wanted = serve.json("/api/runs/last")
    numbers = page.js("[...document.querySelectorAll('.totals dd')].slice(0, 3).map((d) => Number(d.innerText.replaceAll(',', '')))")
    is_(numbers, [wanted["passed"], wanted["failed"], wanted["errors"]], "the totals at the end")
    has(page.text(".facts"), "ended", "the state at the end")
    log.wait("document.querySelector('.log tbody').innerText.includes('servers failed.')", "the log's last line")
    is_(page.complaints(), [], "complaints")
    is_(log.complaints(), [], "complaints of the log")


def pages_that_nobody_sees_leave_connections_to_others(browser, serve):
    going = subprocess.Popen([MUSTER, "run", "-q", "-f", "4", "--store", STORE, "--simulate=servers=121,delay=1s-2s,seed=5"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while (newest := serve.json("/api/runs")[0])["total"] != 121 or newest["state"] != "running":
            assert going.poll() is None, "the run was never seen"
        hidden = []
        for _ in range(7):  # a browser has six connections to one place
            page = browser.page()
            page.call("Page.addScriptToEvaluateOnNewDocument", source="window.away = true; "
                      "Object.defineProperty(document, 'hidden', { get: () => window.away });")
            page.go(serve.url + "/runs/last")
            page.wait("document.querySelector('.live')", "a page behind others")
            hidden.append(page)
        told = "document.querySelector('.live').innerText.includes('% done')"
        page = opened(browser, serve, "/runs/last", "document.querySelector('.live')")
        page.wait(told, "the page that is seen to be told")
        is_(hidden[0].text(".live"), "", "what a page is told that is not seen")
        hidden[0].js("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
        hidden[0].wait(told, "a page that is seen again to be told")
        for page in [page, *hidden]:
            is_(page.complaints(), [], "complaints")
    finally:
        going.terminate()
        going.wait(60)


def what_is_hostile_is_shown_as_text(browser, _):
    name = "</script><img src=x onerror=pwned()>"
    with Serve(HOSTILE) as serve:
        for path, there in (("/", ".runs"), ("/runs/last", "tr[data-index]"), (f"/runs/last#server={quote(name)}", "article .log"),
                            ("/runs/last/log", ".log tbody tr"), (f"/history/{quote(name, safe='')}", "h2")):
            page = opened(browser, serve, path, f"document.querySelector({json.dumps(there)})")
            is_(page.count("img"), 0, f"elements of a server's making, {path}")
            is_(page.js("typeof pwned"), "undefined", f"whether it ran, {path}")
            is_(page.complaints(), [], f"complaints, {path}")
            if path != "/":
                has(page.js("document.querySelector('main').textContent"), name, path)


def workers_of_a_shared_store_are_shown(browser, serve):
    page = opened(browser, serve, "/", "document.querySelector('.runs')")
    is_(page.count(".workers"), 0, "tables of workers, of a store that nobody shares")
    with Serve(SHARED) as shared:
        (run_,) = [r["run"] for r in shared.json("/api/runs")]
        page = opened(browser, shared, "/", "document.querySelector('.workers')")
        rows = page.js("[...document.querySelectorAll('.workers tbody tr')].map((r) => [...r.cells].map((c) => c.innerText))")
        is_([r[1:7] for r in rows], [["<b>fra1</b>", "17", "fra", run_, "2", "512"], ["ams1", "18", "any", "none", "0", ""]],
            "host, process, site, run, servers held, fan-out")
        has(rows[0][8], "left", "the lease of who is alive")
        has(rows[1][8], "over for 10m", "the lease of who is dead")
        is_(page.js("document.querySelector('.workers a').getAttribute('href')"), f"/runs/{run_}", "the way to the run")
        sound(page, "workers")
        sound(opened(browser, shared, "/", "document.querySelector('.workers')", width=360, height=700), "workers, narrow")


def a_token_lets_a_browser_in(browser, _):
    token = "a token of the test".replace(" ", "-")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(token + "\n")
        file.flush()
        with Serve(STORE, "--token-file", file.name) as serve:
            page = opened(browser, serve, "/login", "document.getElementById('token')")
            sound(page, "the form for the token")
            page.js("document.getElementById('token').focus()")
            page.type("something-else-that-is-long")
            page.press("Enter")
            page.wait("document.querySelector('[role=alert]')", "the refusal")
            page.js("document.getElementById('token').focus()")
            page.type(token)
            page.press("Enter")
            page.wait("document.querySelector('.runs')", "the runs")
            is_(page.js("document.cookie"), "", "what scripts see of the cookie")
            page = opened(browser, serve, "/runs/last", "document.querySelector('tr[data-index]')")
            is_(page.complaints(), [], "complaints of who is let in")


with Serve(STORE) as serve, Browser() as browser:
    run([every_page_is_shown_and_sound, what_is_not_there_is_said, two_runs_are_chosen_and_compared,
         the_log_is_filtered_by_server_and_level, what_is_hostile_is_shown_as_text, workers_of_a_shared_store_are_shown,
         a_token_lets_a_browser_in, a_run_is_watched_to_its_end, pages_that_nobody_sees_leave_connections_to_others],
        browser, serve)
