// What one server was found to do over all runs.
import { h, svg, put, number, score, signed, withUnit, localTime, counted } from "./dom.js";
import { letter } from "./outcome.js";
import { runAddress } from "./runs.js";

const WIDTH = 900, HEIGHT = 120, EDGE = 8;

// Values in the order of runs; a ring is one that is not compared.
function line(benchmark) {
  const points = benchmark.runs.map((r, i) => ({ ...r, i })).filter((r) => r.value !== null);
  if (points.length < 2) return null;
  let low = Math.min(...points.map((p) => p.value)), high = Math.max(...points.map((p) => p.value));
  const room = Math.max((high - low) * 0.1, Math.abs(high) * 0.02) || 1;
  low -= room;
  high += room;
  const x = (i) => EDGE + (i / (benchmark.runs.length - 1)) * (WIDTH - 2 * EDGE);
  const y = (v) => EDGE + ((high - v) / (high - low)) * (HEIGHT - 2 * EDGE);
  const compared = points.filter((p) => p.compared);
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "history", role: "img",
    "aria-label": `${benchmark.benchmark} over ${counted(points.length, "run")}, from ${number(points[0].value)} to ${number(points.at(-1).value)}` },
  svg("path", { class: "line", d: compared.map((p, i) => `${i ? "L" : "M"}${x(p.i).toFixed(1)} ${y(p.value).toFixed(1)}`).join("") }),
  points.map((p) => svg("circle", { class: `${p.compared ? "" : "apart "}${p.verdict}`, cx: x(p.i).toFixed(1), cy: y(p.value).toFixed(1), r: 3.5 },
    svg("title", {}, `${localTime(p.started)}: ${withUnit(p.value, p.unit)}, ${p.verdict}`))));
}

function verdict(r, name) {
  return [letter(r.verdict), ` ${r.reason ?? r.verdict}`, r.flaky ? ", flaky" : "",
    r.value !== null && r.compared === false ? h("span", { class: "muted" }, ", not compared") : null,
    r.server !== name ? h("span", { class: "muted" }, ` as ${r.server}`) : null];
}

function group(b, name) {
  const head = ["Run", "Began", b.unit ? `Value, ${b.unit}` : "Value", "Spread", "Score", "Verdict"];
  return h("section", {}, h("h2", {}, b.benchmark, b.metric && b.metric !== b.benchmark ? ` ${b.metric}` : "", " ",
    h("span", { class: "muted" }, b.better === "lower" ? "lower is better" : "higher is better")),
  b.drift ? h("p", { class: "bad" }, `Slower than itself: ${signed(b.drift.percent)} since ${b.drift.since}`) : null,
  line(b),
  h("div", { class: "wide" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((t, i) => h("th", { scope: "col", class: i >= 2 && i <= 4 ? "num" : null }, t)))),
    h("tbody", {}, b.runs.toReversed().map((r) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: `${runAddress(r.run)}#server=${encodeURIComponent(r.server)}` }, r.run)),
      h("td", {}, localTime(r.started)), h("td", { class: "num strong" }, number(r.value)), h("td", { class: "num" }, number(r.spread)),
      h("td", { class: "num" }, score(r.score)), h("td", {}, verdict(r, name))))))));
}

export function historyPage(main, history) {
  document.title = `${history.server}, history, muster`;
  const runs = new Set(history.benchmarks.flatMap((b) => b.runs.map((r) => r.run)).concat(history.nothing_measured.map((r) => r.run)));
  put(main, h("h1", { class: "page" }, history.server),
    h("p", { class: "muted" }, `History over ${counted(runs.size, "run")}`, history.machine ? `, known as machine ${history.machine}` : ""),
    history.benchmarks.map((b) => group(b, history.server)),
    history.nothing_measured.length ? [h("h2", {}, "Nothing was measured"), h("ul", { class: "sentences" },
      history.nothing_measured.toReversed().map((r) => h("li", {}, h("a", { href: `${runAddress(r.run)}#server=${encodeURIComponent(r.server)}` }, r.run),
        h("span", {}, localTime(r.started), " ", verdict(r, history.server)))))] : null);
}
