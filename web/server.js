// One server: how it ended, its benchmarks with trials and what peers have, conditions, sensors,
// facts and its own log.
import { h, put, heads, num, count, counted, number, score, withUnit, duration, bytes } from "./dom.js";
import { placeAmong, placeWords } from "./distribution.js";
import { letter } from "./outcome.js";
import { stepOfScore } from "./colour.js";
import { logTable } from "./log.js";

// ---- facts and sensors: shown as they come, whatever keys they have ----

function title(key) {
  return key.replace(/_(bytes|seconds|percent|mhz|mts|c)$/, "").replaceAll("_", " ");
}

function scalar(key, value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return value === null ? "-" : String(value);
  if (key.endsWith("_bytes")) return bytes(value);
  if (key.endsWith("_seconds")) return duration(value);
  const unit = { _percent: " %", _mhz: " MHz", _mts: " MT/s", _c: " °C" }[/_(percent|mhz|mts|c)$/.exec(key)?.[0]] ?? "";
  return (Math.abs(value) < 1e4 ? String(Number(value.toPrecision(5))) : number(value)) + unit;
}

// `24 × 32 GiB, DDR5, 4800 MT/s`: rows that differ in a name alone are told once.
function alike(rows) {
  const name = ["slot", "name", "address", "index", "device"].find((k) => rows.every((r) => k in r));
  const rest = (row) => JSON.stringify(Object.entries(row).filter(([k]) => k !== name));
  const groups = new Map();
  for (const row of rows) groups.has(rest(row)) ? groups.get(rest(row)).push(row) : groups.set(rest(row), [row]);
  return { name, groups: [...groups.values()] };
}

function namesOf(names) {
  return names.length > 4 ? `${names[0]} to ${names.at(-1)}` : names.join(", ");
}

function objects(rows) {
  const { name, groups } = alike(rows);
  const keys = [...new Set(rows.flatMap((r) => Object.keys(r)))].filter((k) => k !== name);
  return h("div", { class: "wide" }, h("table", { class: "plain" },
    heads([["Count", "num"], name ? title(name) : null, ...keys.map(title)]),
    h("tbody", {}, groups.map((group) => h("tr", {}, num(count(group.length)),
      name ? h("td", {}, namesOf(group.map((r) => r[name]))) : null,
      keys.map((k) => h("td", {}, k in group[0] ? scalarOrText(k, group[0][k]) : "")))))));
}

function scalarOrText(key, value) {
  return value !== null && typeof value === "object" ? JSON.stringify(value) : scalar(key, value);
}

// `min 3553 MHz, max 3625 MHz`: the unit is in the name of the whole.
function inline(key, what) {
  const unit = /_[a-z]+$/.exec(key)?.[0] ?? "";
  return Object.entries(what).filter(([, v]) => v !== null)
    .map(([k, v]) => `${title(k)} ${scalar(k + unit, v)}`).join(", ");
}

function value(key, what, depth) {
  if (Array.isArray(what)) {
    if (what.length === 0) return "none";
    if (what.every((w) => w !== null && typeof w === "object" && !Array.isArray(w))) return objects(what);
    return what.map((w) => scalarOrText(key, w)).join(", ");
  }
  if (what === null || typeof what !== "object") return scalar(key, what);
  if (Object.values(what).every((v) => typeof v === "number" || v === null)) return inline(key, what);
  return depth > 3 ? JSON.stringify(what) : pairs(what, depth + 1);
}

function pairs(object, depth = 0) {
  const known = Object.entries(object).filter(([, v]) => v !== null);
  const unknown = Object.keys(object).filter((k) => object[k] === null);
  const wide = (v) => Array.isArray(v) && v.length > 0;
  return [h("dl", { class: "pairs" }, known.map(([k, v]) =>
    h("div", { class: wide(v) ? "whole" : null }, h("dt", {}, title(k)), h("dd", {}, value(k, v, depth))))),
  unknown.length ? h("p", { class: "muted" }, `Not known: ${unknown.map(title).join(", ")}`) : null];
}

// ---- benchmarks ----

function trials(values) {
  return values.length > 1 ? values.map(number).join("  ") : "";
}

// `has`: whether any metric of the benchmark has trials, and so a spread.
function metricRow(run, server, benchmark, name, m, has) {
  const judged = name === benchmark.metric;
  const metric = run.metrics.findIndex((x) =>
    x.benchmark === benchmark.benchmark && x.metric === name && (x.unit ?? "") === (m.unit ?? ""));
  const its = judged && benchmark.trials?.length ? benchmark.trials : m.trials ?? [];
  const spread = m.spread && m.value ? `± ${Number(((100 * m.spread) / Math.abs(m.value)).toPrecision(2))} %` : "";
  return h("tr", {}, h("th", { scope: "row" }, name, judged ? h("span", { class: "muted" }, " judged") : null),
    num(withUnit(m.value, m.unit), "strong"), has ? num(spread) : null,
    num(metric >= 0 ? placeWords(run, server, metric) : ""),
    h("td", { class: "plot" }, metric >= 0 ? placeAmong(run, server, metric) : null),
    has ? h("td", { class: "trials" }, trials(its)) : null);
}

function scoreLine(b) {
  if (b.score === null) return null;
  const step = stepOfScore(b.score, b.threshold);
  return h("span", { class: "scoreline" }, h("span", { class: `cell s${step}` }, score(b.score)),
    ` threshold ${number(b.threshold)}`,
    b.reference !== null ? `, reference ${withUnit(b.reference, b.unit)}` : "",
    b.reference_source ? ` (${b.reference_source})` : "");
}

function benchmark(run, server, b) {
  const metrics = Object.entries(b.metrics ?? {}).sort(([a], [c]) => (c === b.metric) - (a === b.metric));
  const has = metrics.some(([, m]) => m.trials?.length > 1);
  const ended = `${b.verdict}${b.reason ? `, ${b.reason}` : ""}, ${duration(b.seconds)}`;
  return h("section", { class: "benchmark" },
    h("h3", {}, letter(b.verdict), ` ${b.benchmark} `, h("span", { class: "muted" }, ended)),
    b.detail ? h("p", { class: "sentence" }, b.detail) : null,
    scoreLine(b),
    metrics.length ? h("div", { class: "wide" }, h("table", { class: "metrics" },
      heads([["Metric", "metric"], ["Value", "num"], has ? ["Spread", "num"] : null,
        ["Of its kind's median", "num peers"], ["Among its kind", "plot"], has ? "Trials" : null]),
      h("tbody", {}, metrics.map(([name, m]) => metricRow(run, server, b, name, m, has))))) : null,
    b.conditions ? h("p", {}, h("b", {}, "Conditions: "), b.conditions) : null,
    b.sensors ? h("details", {}, h("summary", {}, `Sensors during ${b.benchmark}`), pairs(b.sensors)) : null);
}

function sentences(label, list, words = (x) => x.detail) {
  return list?.length ? [h("dt", {}, label), h("dd", {}, h("ul", {}, list.map((x) => h("li", {}, words(x)))))] : null;
}

function attempt(run, server, doc) {
  return [h("dl", { class: "judgement" },
    sentences("Found", doc.findings, (f) => (f.finding === "drift" ? `slower than itself: ${f.detail}` : f.detail)),
    sentences("Different from its peers", doc.why)),
  doc.benchmarks.length ? h("h2", {}, "Benchmarks") : null,
  doc.benchmarks.map((b) => benchmark(run, server, b))];
}

// The section of a server; `neighbours`: {before, after} in the list that it was opened from.
export class ServerView {
  constructor(run, source, link, history) {
    Object.assign(this, { run, source, link, history });
    this.element = h("article", { class: "server", "aria-live": "off" });
  }

  head(server, neighbours) {
    const verdict = this.run.verdict(server), reason = this.run.reason(server);
    const step = (to, words, key) => to
      ? h("a", { href: this.link(to), "aria-keyshortcuts": key, title: `${words} (${key})` }, words)
      : h("span", { class: "muted" }, words);
    return [h("nav", { class: "steps", "aria-label": "Servers" },
      h("a", { href: "#", class: "back", "aria-keyshortcuts": "Escape" }, "← All servers"),
      step(neighbours.before, "Previous", "k"), step(neighbours.after, "Next", "j"),
      this.history ? h("a", { href: this.history(server) }, "Its history") : null),
    h("h1", { tabindex: "-1" }, server.name),
    h("p", { class: "verdict" }, letter(verdict), ` ${verdict}${reason ? `, ${reason}` : ""}`,
      server.flaky ? h("span", { class: "muted" }, ", but close: noise could turn that") : null),
    server.detail ? h("p", { class: "sentence" }, server.detail) : null,
    h("p", { class: "muted" }, `${server.kind}, `,
      `number ${count(server.position + 1)} of ${count(this.run.servers.length)}, `,
      `${counted(server.attempts, "attempt")}, ${duration(server.seconds)}`)];
  }

  async show(server, neighbours) {
    const again = this.shown?.name === server.name; // it has changed meanwhile
    this.shown = server;
    const head = this.head(server, neighbours);
    const body = h("div", { "aria-busy": "true" }, h("p", { class: "muted" }, "Reading ..."));
    put(this.element, head, body);
    if (!again) {
      this.element.querySelector("h1").focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    try {
      const { server: doc, log, rest } = await this.source.server(server);
      if (this.shown === server) put(body, this.details(server, doc, log, rest));
    } catch (error) {
      put(body, h("p", { class: "sentence" }, typeof DecompressionStream === "undefined"
        ? "This browser cannot unpack the details of servers; one of 2023 or later can."
        : `Its details cannot be read: ${error.message}`));
    }
    body.removeAttribute("aria-busy");
  }

  details(server, doc, log, rest) {
    const facts = doc.facts && Object.keys(doc.facts).length;
    return [attempt(this.run, server, doc),
      h("h2", {}, "Facts"), facts ? pairs(doc.facts) : h("p", { class: "muted" }, "It told none."),
      doc.machine ? h("p", { class: "muted" }, `Known as machine ${doc.machine}`) : null,
      h("h2", {}, "Log"),
      log.length ? logTable(log, { server: false }) : h("p", { class: "muted" }, "The log has no line of it."),
      rest ? h("p", {}, rest.address ? h("a", { href: rest.address }, rest.words) : rest.words) : null,
      (doc.earlier ?? []).map((e, i) => h("details", { class: "earlier" },
        h("summary", {}, `Earlier attempt ${i + 1} of ${doc.earlier.length}: ${e.verdict}${e.reason ? `, ${e.reason}` : ""}`),
        e.detail ? h("p", { class: "sentence" }, e.detail) : null, attempt(this.run, server, e)))];
  }
}

