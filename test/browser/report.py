"""The HTML report in Chromium: report.py SMALL HOSTILE LARGE, paths of reports that
test/integration/report_html.bats makes. SMALL is of 40 servers, HOSTILE of one whose every text is an
attack, LARGE of 10,000."""

import os
import re
import sys

from browser import Browser
from checks import has, is_, run, sound

SMALL, HOSTILE, LARGE = ("file://" + os.path.abspath(p) for p in sys.argv[1:4])


def opened(browser, url=SMALL, **how):
    page = browser.page(offline=True, **how)
    page.go(url)
    page.wait("document.querySelector('tr[data-index]')", "the table of servers")
    return page


def names(page):
    return page.js("[...document.querySelectorAll('tr[data-index] th')].map((e) => e.innerText)")


def it_opens_without_a_network_and_without_complaint(browser):
    page = opened(browser)
    has(page.text("h1"), "of 40 servers did not pass.", "the outcome")
    is_(page.requests[:1] + [u for u in page.requests[1:] if not u.startswith("data:")], [SMALL], "what it asked for")
    has(page.text(".facts"), "cpu, gpu", "the run's facts")
    sound(page, "the whole report, light")


def what_did_not_pass_is_told_by_reason_and_kind(browser):
    page = opened(browser)
    section = page.text("section[aria-labelledby=not-passed]")
    has(section, "failed, below-threshold", "what did not pass")
    has(section, "below 90", "what did not pass")
    has(section, "Different: ", "what did not pass")
    shown = page.js("document.querySelectorAll('.matrix tbody button').length")
    assert shown > 3, f"{shown} numbers in the table of kinds and reasons"
    page.js("""[...document.querySelectorAll(".matrix tbody tr:first-child button")].at(-1).click()""")
    n = page.js("""[...document.querySelectorAll(".matrix tbody tr:first-child button")].at(-1).innerText""")
    has(page.text(".shown"), f"{n} server", "the number leads to its servers")


def search_and_filters_find_servers(browser):
    page = opened(browser)
    page.js("document.getElementById('search').focus()")
    page.type("below-threshold X2")
    wanted = page.js("""(() => {
      const data = JSON.parse(document.getElementById("overview").textContent);
      return data.rows.filter((r) => data.reasons[r[3]] === "below-threshold" && data.kinds[r[4]].includes("x2")).map((r) => r[1]);
    })()""")
    assert wanted, "no server failed"
    is_(names(page), wanted, "searched for two words")
    is_(page.text(".shown"), f"{len(wanted)} server{'s' * (len(wanted) > 1)} of 40 shown", "how many")
    page.click(".filter .plain")
    is_(page.text(".shown"), "40 servers shown", "all again")
    page.click(".toggle.failed")
    is_(page.js("document.querySelector('.toggle.failed').getAttribute('aria-pressed')"), "true", "the toggle")
    failed = page.js("Number(document.querySelector('.toggle.failed .n').innerText)")
    is_(len(names(page)), failed, "those that failed")
    page.click(".toggle.failed")
    page.js("""(() => { const s = document.getElementById("filter-kind"); s.selectedIndex = 1; s.dispatchEvent(new Event("change")); })()""")
    kind = page.js("document.getElementById('filter-kind').value")
    assert kind and page.js("[...document.querySelectorAll('tr[data-index] td.kind')].every((e) => e.innerText === document.getElementById('filter-kind').value)"), "another kind is shown"
    page.click(".filter .plain")
    page.click("th[aria-sort] button")
    first = names(page)[0]
    page.click("th[aria-sort] button")
    is_((first, names(page)[0]), ("1", "40"), "sorted by name, up and down")
    sound(page, "filtered")


def the_keyboard_reaches_everything(browser):
    page = opened(browser)
    page.press("Tab")
    is_(page.js("document.activeElement.className"), "skip", "the first stop")
    page.press("/")
    page.wait("document.activeElement.id === 'search'", "/ to lead to the search")
    page.js("document.querySelector('tr[data-index] a').focus()")
    page.press("ArrowDown")
    is_(page.js("document.activeElement.innerText"), "2", "one down")
    is_(page.js("document.querySelectorAll('tr[data-index] a[tabindex=\"0\"]').length"), 1, "stops in the table")
    page.press("End")
    is_(page.js("document.activeElement.innerText"), "40", "the last")
    page.press("Enter")
    page.wait("document.activeElement.matches('article h1') && document.activeElement.innerText === '40'", "the server's heading to have the focus")
    page.press("k")
    page.wait("document.querySelector('article h1').innerText === '39'", "the one before")
    page.press("j")
    page.wait("document.querySelector('article h1').innerText === '40'", "the one after")
    page.press("Escape")
    page.wait("document.querySelector('article').hidden && document.activeElement.innerText === '40'", "to be where one was")
    for _ in range(60):
        page.press("Tab")
        if page.js("document.activeElement.closest('.distribution') !== null"):
            break
    else:
        raise AssertionError("60 times Tab from the table do not lead to the distributions")


def the_keyboard_walks_over_the_map(browser):
    page = opened(browser)
    page.js("document.querySelector('#by').focus()")
    page.press("Tab")
    is_(page.js("document.activeElement.tagName"), "CANVAS", "the stop after the map's choices")
    # as they lie: by kind, then as in the list
    order = page.js("""(() => {
      const data = JSON.parse(document.getElementById("overview").textContent), kinds = Map.groupBy(data.rows, (r) => data.kinds[r[4]]);
      return [...kinds.keys()].sort().flatMap((k) => kinds.get(k).map((r) => r[1]));
    })()""")
    said = "document.getElementById('announcement').innerText"
    has(page.js(said), order[0] + ", ", "the first tile")
    for name in order[1:3]:
        page.press("ArrowRight")
        has(page.js(said), name + ", ", "the next tile")
    page.press("ArrowLeft")
    words = page.js(said)
    has(words, order[1] + ", ", "the tile before")
    for part in ("cpu ", "gpu "):
        has(words, part, "what is said of a server")
    frame = "JSON.stringify(Object.values(document.querySelector('.map .frame').getBoundingClientRect().toJSON()))"
    there = page.js(frame)
    page.press("ArrowDown")
    assert page.js(frame) != there and page.js(said) != words, "down leads nowhere"
    page.press("ArrowUp")
    is_((page.js(frame), page.js(said)), (there, words), "down and up")
    page.press("Home")
    page.press("ArrowLeft")
    has(page.js(said), order[0] + ", ", "before the first")
    page.press("End")
    page.press("ArrowRight")
    has(page.js(said), order[-1] + ", ", "behind the last")
    sound(page, "with a tile that is framed")
    page.press("Enter")
    page.wait(f"document.activeElement.matches('article h1') && document.activeElement.innerText === '{order[-1]}'", "Enter to open the server")
    page.press("Escape")
    page.wait("document.querySelector('article').hidden && document.activeElement.tagName === 'CANVAS'", "to be where one was")
    has(page.js(said), order[-1] + ", ", "the tile one was at")
    page.press("Tab")
    is_(page.js("document.querySelector('.map .frame').hidden && document.querySelector('.map .tip').hidden"), True, "nothing is framed when the focus is elsewhere")


def a_server_has_all_that_is_known_of_it(browser):
    page = opened(browser)
    failed = page.js("document.querySelector('section[aria-labelledby=not-passed] .names a').innerText")
    page.js(f"location.hash = '#server={failed}'")
    page.wait("document.querySelector('article .log')", "the server's log")
    text = page.text("article")
    for part in ("failed, below-threshold", "Different from its peers", "threshold 90", "Facts", "kernel", "benchmark completed", "server failed"):
        has(text, part, "the server's section")
    is_(page.js("[...new Set([...document.querySelectorAll('.metrics tbody tr')].map((r) => r.cells[1].innerText !== ''))].join()"), "true", "every metric has a value")
    has(page.text(".trials"), "  ", "trials")
    page.click("article details summary")
    has(page.text("article details"), "temperature", "the sensors")
    sound(page, "a server")


def distributions_have_numbers_beside_the_picture(browser):
    page = opened(browser)
    page.js("document.getElementById('distributions').scrollIntoView()")
    page.wait("document.querySelector('.distribution .median') && document.querySelector('.distribution .threshold')", "a median and a threshold")
    is_(page.js("[...document.querySelectorAll('.distribution thead')[0].querySelectorAll('th')].map((t) => t.innerText).join()"),
        "Kind,Servers,Least,Distribution,Most,Median,Middle half,Threshold,Below it,Outliers", "the columns")
    # the median that is shown is that of what the file says
    got, wanted = page.js("""(() => {
      const row = document.querySelector(".distribution tbody tr"), kind = row.cells[0].innerText;
      const data = JSON.parse(document.getElementById("overview").textContent);
      const values = data.rows.filter((r) => data.kinds[r[4]] === kind).map((r) => r[9][0]?.[5][0]).filter((v) => typeof v === "number").sort((a, b) => a - b);
      const n = values.length, median = n % 2 ? values[(n - 1) / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
      return [Number(row.cells[5].innerText.replaceAll(",", "")), median];
    })()""")
    assert abs(got - wanted) <= 1e-3 * wanted, f"the median is {got}, not {wanted}"


def the_dark_theme_is_the_systems_or_chosen(browser):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page = opened(browser, scheme="dark")
    is_(page.js(ground), "rgb(20, 23, 26)", "the ground of the dark theme")
    sound(page, "dark")
    page.js("location.hash = '#server=1'")
    page.wait("document.querySelector('article .log')", "the server")
    sound(page, "a server, dark")
    page.js("""(() => { const s = document.getElementById("theme"); s.value = "light"; s.dispatchEvent(new Event("change")); })()""")
    is_(page.js(ground), "rgb(255, 255, 255)", "the ground after a choice")


def a_narrow_window_is_enough(browser):
    page = opened(browser, width=360, height=700)
    sound(page, "narrow")


def what_is_hostile_is_shown_as_text(browser):
    page = opened(browser, HOSTILE)
    attack = "</script><img src=x onerror=pwned()>"
    is_(names(page)[0], attack, "the name in the table")
    page.js("document.querySelector('tr[data-index] a').click()")
    page.wait("document.querySelector('article .log')", "the server's log")
    is_(page.text("article h1"), attack, "the name as a heading")
    text = page.js("document.querySelector('article').textContent")
    for part in ("detail<script>", "fact<script>", "kind<script>", "metric<script>", "unit<script>", "sensor<script>", "event<script>", "field<script>"):
        has(text, part, "the server's section")
    is_(page.count("img") + page.count("article script"), 0, "elements of a server's making")
    is_(page.js("typeof pwned"), "undefined", "whether it ran")
    is_(page.complaints(), [], "complaints")
    page = browser.page(offline=True)
    page.scripts(False)
    page.go(HOSTILE)
    page.scripts(True)
    has(page.text("main"), attack, "the plain page")
    is_(page.count("img"), 0, "elements of a server's making in the plain page")


def without_javascript_the_outcome_is_there(browser):
    page = browser.page(offline=True)
    page.scripts(False)
    page.go(SMALL)
    page.scripts(True)
    text = page.text("main")
    for part in ("of 40 servers did not pass.", "What did not pass", "failed, below-threshold", "below 90", "Different: "):
        has(text, part, "the plain page")


def it_prints(browser):
    page = opened(browser, scheme="dark")
    pdf = page.pdf()
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pages >= 2 and len(pdf) > 30000, f"{pages} pages, {len(pdf)} bytes"


SCROLL = """new Promise((done) => {
  const box = document.querySelector(".scroller"), times = [], end = box.scrollHeight - box.clientHeight;
  box.scrollIntoView();
  let last = performance.now(), n = 0, empty = 0;
  const step = (now) => {
    times.push(now - last);
    last = now;
    const middle = box.getBoundingClientRect();
    if (n > 2 && !document.elementFromPoint(middle.x + 60, middle.y + middle.height / 2)?.closest("tr[data-index]")) empty++;
    box.scrollTop = (end * n) / 150;
    if (++n <= 150) requestAnimationFrame(step);
    else done({ times: times.slice(2).sort((a, b) => a - b), empty });
  };
  requestAnimationFrame(step);
})"""


def ten_thousand_servers_scroll(browser):
    page = opened(browser, LARGE)
    took = page.js("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    has(page.text("h1"), "of 10,000 servers did not pass.", "the outcome")
    got = page.js(SCROLL)
    times = got["times"]
    print(f"# note: 10,000 servers: loaded in {took:.0f} ms; scrolled with {times[len(times) // 2]:.1f} ms a frame, "
          f"95 % below {times[int(len(times) * 0.95)]:.1f} ms")
    # frames of a machine that is busy with other tests are slow; what must not be is a page that stands
    assert times[len(times) // 2] < 150, f"half of the frames took more than {times[len(times) // 2]:.0f} ms"
    page.wait("document.querySelector('tr[data-index=\"9999\"]')", "the last server to be in sight")
    rows = page.count("tr[data-index]")
    assert rows < 150, f"{rows} rows are there at once"
    page.js("document.getElementById('search').focus()")
    page.type("9777")
    page.wait("document.querySelectorAll('tr[data-index]').length < 20", "the search")
    is_(page.text("tr[data-index] th"), "9777", "what was searched")


with Browser() as browser:
    run([it_opens_without_a_network_and_without_complaint, what_did_not_pass_is_told_by_reason_and_kind,
         search_and_filters_find_servers, the_keyboard_reaches_everything, the_keyboard_walks_over_the_map,
         a_server_has_all_that_is_known_of_it,
         distributions_have_numbers_beside_the_picture, the_dark_theme_is_the_systems_or_chosen,
         a_narrow_window_is_enough, what_is_hostile_is_shown_as_text, without_javascript_the_outcome_is_there,
         it_prints, ten_thousand_servers_scroll], browser)
