// What one server was found to do over all runs.
import { h, svg, put, heads, num, number, score, signed, withUnit, localTime, counted } from "./dom.js";
import { letter } from "./outcome.js";
import { serverAddress } from "./runs.js";

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
  const words = `${benchmark.benchmark} over ${counted(points.length, "run")}, ` +
    `from ${number(points[0].value)} to ${number(points.at(-1).value)}`;
  const at = (p) => [x(p.i).toFixed(1), y(p.value).toFixed(1)];
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "history", role: "img", "aria-label": words },
    svg("path", { class: "line", d: compared.map((p, i) => `${i ? "L" : "M"}${at(p).join(" ")}`).join("") }),
    points.map((p) => {
      const [cx, cy] = at(p), title = `${localTime(p.started)}: ${withUnit(p.value, p.unit)}, ${p.verdict}`;
      return svg("circle", { class: `${p.compared ? "" : "apart "}${p.verdict}`, cx, cy, r: 3.5 }, svg("title", {}, title));
    }));
}

function verdict(r, name) {
  return [letter(r.verdict), ` ${r.reason ?? r.verdict}`, r.flaky ? ", flaky" : "",
    r.value !== null && r.compared === false ? h("span", { class: "muted" }, ", not compared") : null,
    r.server !== name ? h("span", { class: "muted" }, ` as ${r.server}`) : null];
}

function group(b, name) {
  return h("section", {}, h("h2", {}, b.benchmark, b.metric && b.metric !== b.benchmark ? ` ${b.metric}` : "", " ",
    h("span", { class: "muted" }, b.better === "lower" ? "lower is better" : "higher is better")),
  b.drift ? h("p", { class: "bad" }, `Slower than itself: ${signed(b.drift.percent)} since ${b.drift.since}`) : null,
  line(b),
  h("div", { class: "wide" }, h("table", {},
    heads(["Run", "Began", [b.unit ? `Value, ${b.unit}` : "Value", "num"], ["Spread", "num"], ["Score", "num"], "Verdict"]),
    h("tbody", {}, b.runs.toReversed().map((r) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: serverAddress(r.run, r.server) }, r.run)),
      h("td", {}, localTime(r.started)), num(number(r.value), "strong"), num(number(r.spread)), num(score(r.score)),
      h("td", {}, verdict(r, name))))))));
}

export function historyPage(main, history) {
  document.title = `${history.server}, history, muster`;
  const runs = new Set(history.benchmarks.flatMap((b) => b.runs).concat(history.nothing_measured).map((r) => r.run));
  put(main, h("h1", { class: "page" }, history.server),
    h("p", { class: "muted" }, `History over ${counted(runs.size, "run")}`,
      history.machine ? `, known as machine ${history.machine}` : ""),
    history.benchmarks.map((b) => group(b, history.server)),
    history.nothing_measured.length ? [h("h2", {}, "Nothing was measured"), h("ul", { class: "sentences" },
      history.nothing_measured.toReversed().map((r) => h("li", {}, h("a", { href: serverAddress(r.run, r.server) }, r.run),
        h("span", {}, localTime(r.started), " ", verdict(r, history.server)))))] : null);
}
