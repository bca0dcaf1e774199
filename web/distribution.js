// How the values of each metric are distributed, kind by kind: a histogram, or ticks where there are
// few servers, each on an axis of its own from the least to the largest value, with the median, the
// threshold and what was found to be an outlier. The numbers stand beside it.
import { h, svg, put, heads, num, count, counted, number, score, withUnit } from "./dom.js";
import { quantile } from "./data.js";

const WIDTH = 420, HEIGHT = 34, BASE = 26, BINS = 60, FEW = 40;

// The value of a metric that scores the threshold of its benchmark, where all of a kind have one.
function thresholdOf(servers, benchmark, metric, lower) {
  let found = null;
  for (const s of servers) {
    const b = s.benchmarks[benchmark];
    if (!b || b.judged !== metric || b.threshold === null) continue;
    const value = b.reference === null ? b.threshold
      : lower ? (100 * b.reference) / b.threshold : (b.threshold * b.reference) / 100;
    if (found !== null && Math.abs(found - value) > 1e-9 * Math.abs(value)) return null;
    found = value;
  }
  return Number.isFinite(found) ? found : null;
}

function isOutlier(server, metric) {
  return server.findings.some((f) =>
    f.finding === "outlier" && f.benchmark === metric.benchmark && f.metric === metric.metric);
}

function scaleOf(low, high, threshold) {
  let from = low, to = high;
  const near = threshold !== null && threshold >= low - (high - low) && threshold <= high + (high - low);
  if (near) [from, to] = [Math.min(from, threshold), Math.max(to, threshold)];
  if (from === to) [from, to] = [from - Math.abs(from || 1) * 0.05, to + Math.abs(to || 1) * 0.05];
  return { near, x: (v) => 4 + ((v - from) / (to - from)) * (WIDTH - 8) };
}

function bars(values, x) {
  if (values.length <= FEW)
    return [...values].map((v) => svg("line", { class: "tick", x1: x(v), x2: x(v), y1: BASE - 14, y2: BASE }));
  const bins = new Uint32Array(BINS), wide = WIDTH / BINS;
  for (const v of values) bins[Math.min(BINS - 1, Math.floor(x(v) / wide))]++;
  const most = Math.max(...bins);
  let path = "";
  bins.forEach((n, i) => {
    const high = Math.max(1, (n / most) * (BASE - 3));
    if (n) path += `M${(i * wide).toFixed(1)} ${BASE}v${(-high).toFixed(1)}h${(wide - 0.6).toFixed(1)}V${BASE}z`;
  });
  return [svg("path", { class: "bars", d: path })];
}

function chart(values, threshold, outliers, link) {
  const { near, x } = scaleOf(values[0], values.at(-1), threshold), median = quantile(values, 0.5);
  const at = (v) => x(v).toFixed(1);
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", "aria-hidden": "true" },
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: BASE + 0.5, y2: BASE + 0.5 }),
    bars(values, x),
    near && svg("path", { class: "threshold", d: `M${at(threshold)} 1V${HEIGHT}` }),
    svg("path", { class: "median", d: `M${at(median)} 0V${BASE}m-4 7l4 -6l4 6z` }),
    outliers.map(({ server, value }) => svg("a", { href: link(server), tabindex: "-1" },
      svg("path", { class: "outlier", d: `M${at(value)} ${BASE - 9}l4 4.5l-4 4.5l-4 -4.5z` },
        svg("title", {}, `${server.name}: ${number(value)}`)))));
}

// One row: a kind.
function kindRow(run, metricNumber, kind, all, link, pick) {
  const metric = run.metrics[metricNumber];
  const servers = all.filter((s) => s.values.has(metricNumber));
  const values = Float64Array.from(servers, (s) => s.values.get(metricNumber)).sort();
  if (values.length === 0) return null;
  const threshold = metric.judged
    ? thresholdOf(servers, run.benchmarks.indexOf(metric.benchmark), metricNumber, metric.lower) : null;
  const outliers = servers.filter((s) => isOutlier(s, metric))
    .map((server) => ({ server, value: server.values.get(metricNumber) }));
  const beyond = threshold === null ? 0 : values.filter((v) => (metric.lower ? v > threshold : v < threshold)).length;
  const median = quantile(values, 0.5), half = (quantile(values, 0.75) - quantile(values, 0.25)) / Math.abs(median || 1);
  return h("tr", {},
    h("th", { scope: "row" }, h("button", { type: "button", class: "plain", onclick: () => pick(kind) }, kind)),
    num(count(values.length)), num(number(values[0])),
    h("td", { class: "plot" }, chart(values, threshold, outliers, link)),
    num(number(values.at(-1))), num(number(median), "strong"),
    num(`${Number((100 * half).toPrecision(2))} %`),
    num(threshold === null ? "" : number(threshold)),
    num(threshold === null ? "" : count(beyond), beyond ? "bad" : ""),
    num(count(outliers.length), outliers.length ? "bad" : ""));
}

function figure(run, metricNumber, groups, link, pick) {
  const metric = run.metrics[metricNumber];
  const rows = groups.map(([kind, servers]) => kindRow(run, metricNumber, kind, servers, link, pick)).filter(Boolean);
  if (rows.length === 0) return [];
  const behind = ["Most", "Median", "Middle half", "Threshold", metric.lower ? "Above it" : "Below it", "Outliers"];
  return h("div", { class: "wide" }, h("table", { class: "distribution" },
    h("caption", {}, h("b", {}, metric.metric), metric.unit ? ` ${metric.unit}` : "", h("span", { class: "muted" },
      `, ${metric.lower ? "lower" : "higher"} is better${metric.judged ? ", judged" : ""}`)),
    heads(["Kind", ["Servers", "num"], ["Least", "num"], ["Distribution", "plot"], ...behind.map((t) => [t, "num"])]),
    h("tbody", {}, rows)));
}

// The figures of a benchmark, drawn when they come into sight.
export class Distributions {
  constructor(run, link, pick) {
    Object.assign(this, { run, link, pick, open: new Set() });
    this.element = h("div");
    this.seen = new IntersectionObserver((entries) => {
      for (const e of entries) if (e.isIntersecting) this.show(e.target);
    }, { rootMargin: "600px" });
    addEventListener("beforeprint", () => this.drawAll());
    this.update();
  }

  groups() {
    const groups = new Map();
    for (const s of this.run.servers)
      if (s && s.values.size) groups.has(s.kind) ? groups.get(s.kind).push(s) : groups.set(s.kind, [s]);
    return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  show(place) {
    this.seen.unobserve(place);
    this.grouped ??= this.groups();
    put(place, figure(this.run, Number(place.dataset.metric), this.grouped, this.link, this.pick));
    place.style.minHeight = "";
  }

  drawAll() {
    for (const place of this.element.querySelectorAll(".figure:empty")) this.show(place);
  }

  update() {
    this.grouped = null;
    this.seen.disconnect();
    const kinds = new Set(this.run.servers.filter((s) => s?.values.size).map((s) => s.kind)).size;
    const place = (i) => {
      const at = h("div", { class: "figure", "data-metric": i });
      at.style.minHeight = `${60 + 38 * kinds}px`;
      this.seen.observe(at);
      return at;
    };
    put(this.element, this.run.benchmarks.map((benchmark) => {
      const its = this.run.metrics.map((m, i) => [m, i]).filter(([m]) => m.benchmark === benchmark);
      if (its.length === 0) return null;
      const judged = its.filter(([m]) => m.judged), others = its.filter(([m]) => !m.judged);
      const more = others.length && h("details", { open: this.open.has(benchmark) || judged.length === 0,
        ontoggle: (e) => (e.target.open ? this.open.add(benchmark) : this.open.delete(benchmark)) },
      h("summary", {}, `${counted(others.length, "more metric")} of ${benchmark}`), others.map(([, i]) => place(i)));
      return h("section", {}, h("h3", {}, benchmark), judged.map(([, i]) => place(i)), more || null);
    }));
  }
}

// Where one server is among those of its kind: the same picture, small.
export function placeAmong(run, server, metric) {
  const value = server.values.get(metric), values = run.sorted(metric, server.kind);
  if (value === undefined || values.length < 2) return null;
  const { x } = scaleOf(values[0], values.at(-1), null), at = x(value).toFixed(1);
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart small", "aria-hidden": "true" },
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: BASE + 0.5, y2: BASE + 0.5 }), bars(values, x),
    svg("path", { class: "here", d: `M${at} 0V${BASE}m-5 8l5 -7l5 7z` }));
}

export function placeWords(run, server, metric) {
  const percent = run.againstPeers(server, metric);
  if (Number.isNaN(percent)) return "";
  return `${score(percent, false)} % of ${withUnit(run.median(metric, server.kind), run.metrics[metric].unit)}`;
}
