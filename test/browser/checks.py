"""What tests of pages share: how a test says how it went, and rules that hold on every page."""

import sys
import traceback

# Text whose contrast with its ground is below what WCAG 2 asks for as AA: 4.5, or 3 where it is large.
CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] > 250) return c;
    }
    return [255, 255, 255];
  };
  const bad = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest("script, noscript, svg, option")) continue;
    const style = getComputedStyle(e), a = light(rgba(style.color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.add(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${walker.currentNode.data.trim().slice(0, 30)}`);
  }
  return [...bad];
})()"""

# What a reader of the screen would miss.
STRUCTURE = """(() => {
  const bad = [];
  const shown = (e) => e.checkVisibility();
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  if (document.documentElement.lang === "") bad.push("the page has no language");
  if (!document.title) bad.push("the page has no title");
  if (all("main").length !== 1) bad.push(`${all("main").length} main parts`);
  if (all("h1").length !== 1) bad.push(`${all("h1").length} headings of the first level`);
  let level = 0;
  for (const heading of all("h1, h2, h3, h4")) {
    const its = Number(heading.tagName[1]);
    if (its > level + 1) bad.push(`heading of level ${its} below ${level}: ${heading.innerText}`);
    level = its;
  }
  for (const field of all("input, select"))
    if (!field.labels?.length && !field.ariaLabel) bad.push(`${field.tagName} ${field.id} has no label`);
  for (const e of all("button, a[href]"))
    if (!e.textContent.trim() && !e.ariaLabel) bad.push(`${e.tagName} without a name: ${e.outerHTML.slice(0, 80)}`);
  for (const table of all("table"))
    if (!table.querySelector("th[scope=col]")) bad.push(`a table without headers: ${table.className}`);
  for (const e of all("canvas, [role=img]")) if (!e.ariaLabel) bad.push(`a picture without words: ${e.outerHTML.slice(0, 80)}`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.filter((i) => i === id).length > 1) bad.push(`id ${id} twice`);
  for (const e of all("[aria-labelledby]"))
    if (!document.getElementById(e.getAttribute("aria-labelledby"))) bad.push(`${e.tagName} is labelled by nothing`);
  if (document.body.scrollWidth > innerWidth + 1) bad.push(`the page is ${document.body.scrollWidth} wide in a window of ${innerWidth}`);
  return bad;
})()"""


def is_(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r}, not {wanted!r}")


def has(text, part, what):
    if part not in (text or ""):
        raise AssertionError(f"{what} lacks {part!r}: {text!r}")


def sound(page, where):
    """The rules for every page, and that it did not complain."""
    is_(page.js(CONTRAST), [], f"contrast, {where}")
    is_(page.js(STRUCTURE), [], f"structure, {where}")
    is_(page.complaints(), [], f"complaints, {where}")


def run(tests, *arguments):
    """Runs functions whose names are sentences: a line `ok NAME` or `not ok NAME`, with the why."""
    failed = 0
    for test in tests:
        try:
            test(*arguments)
            print(f"ok {test.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {test.__name__}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"  {line[:3000]}", flush=True)
    sys.exit(failed > 0)
