// The outcome of a run, and what did not pass and why.
import { h, put, heads, num, count, counted, duration, localTime } from "./dom.js";
import { LETTERS, FINDINGS, has } from "./data.js";
import { compareNames } from "./table.js";

// Of each group so many lines are shown, and in each so many names; the table has them all.
const LINES = 12;
const NAMES = 24;
const ORDER = ["failed", "error", "cancelled"];

export function letter(verdict) {
  return h("b", { class: `letter ${verdict}`, "aria-hidden": "true" }, LETTERS[verdict] ?? "?");
}

function tally(run) {
  const n = { passed: 0, failed: 0, error: 0, cancelled: 0, waiting: 0 };
  for (const s of run.servers) if (s) n[run.verdict(s)]++;
  return n;
}

const WORDS = { passed: "passed", failed: "failed", error: "errors", cancelled: "cancelled", waiting: "to come" };

export function outcome(run) {
  const n = tally(run), total = run.servers.length, bad = n.failed + n.error + n.cancelled;
  const words = total === 0 ? "No servers."
    : bad === 0 && n.waiting === 0 ? total === 1 ? "The server passed." : `All ${counted(total, "server")} passed.`
      : `${count(bad)} of ${counted(total, "server")} did not pass${n.waiting ? " so far" : ""}.`;
  const shown = Object.keys(WORDS).filter((v) => n[v] > 0 || v === "passed" || v === "failed" || v === "error");
  const bar = h("div", { class: "bar", "aria-hidden": "true" }, shown.map((v) => {
    const part = h("span", { class: v });
    part.style.flexGrow = n[v];
    part.hidden = n[v] === 0;
    return part;
  }));
  return [h("h1", {}, words), bar,
    h("dl", { class: "totals" }, shown.map((v) =>
      h("div", { class: v }, h("dt", {}, letter(v), ` ${WORDS[v]}`), h("dd", {}, count(n[v])))))];
}

function runFacts(run) {
  const r = run.run, rows = [
    ["Run", r.run], ["Began", localTime(r.started)], ["Took", duration(r.seconds)],
    ["State", r.stopped ? `${r.state}: ${r.stopped}` : r.state],
    ["Servers", count(run.servers.length)], ["Kinds", count(run.kinds.length)],
    ["Benchmarks", run.benchmarks.join(", ") || "-"], ["Metrics", count(run.metrics.length)],
    ["Fan-out", count(r.fanout)], ["Threshold", String(r.threshold)],
  ];
  return [h("dl", { class: "facts" }, rows.map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v)))),
    run.notes.length ? h("ul", { class: "notes" }, run.notes.map((n) => h("li", {}, n))) : null];
}

// Kinds down, reasons across, how many servers; a number opens those servers in the table.
function matrix(run, filter) {
  const reasons = new Map(), kinds = new Map();
  for (const s of run.servers) {
    if (!s) continue;
    const row = kinds.get(s.kind) ?? kinds.set(s.kind, { total: 0, passed: 0, by: new Map() }).get(s.kind);
    row.total++;
    const reason = run.reason(s);
    if (run.verdict(s) === "passed") row.passed++;
    else if (reason) {
      reasons.set(reason, run.verdict(s));
      row.by.set(reason, (row.by.get(reason) ?? 0) + 1);
    }
  }
  if (reasons.size === 0) return null;
  const shown = [...reasons].sort(([a, x], [b, y]) => ORDER.indexOf(x) - ORDER.indexOf(y) || compareNames(a, b));
  const cell = (n, only) => num(n
    ? h("button", { type: "button", class: "plain", onclick: () => filter.only(only) }, count(n))
    : h("span", { class: "muted" }, "0"));
  return h("div", { class: "wide" }, h("table", { class: "matrix" },
    h("caption", {}, "Servers by kind and reason"),
    heads(["Kind", ["Servers", "num"], ["passed", "num"], ...shown.map(([r, v]) => [[letter(v), ` ${r}`], "num"])]),
    h("tbody", {}, [...kinds].sort(([a], [b]) => compareNames(a, b)).map(([kind, row]) => h("tr", {},
      h("th", { scope: "row" }, kind), num(count(row.total)),
      cell(row.passed, { kind, verdicts: ["passed"] }),
      shown.map(([reason]) => cell(row.by.get(reason), { kind, reason })))))));
}

// Servers of which the same is said, in the order of the first of them.
function bySentence(servers, sentence) {
  const same = new Map();
  for (const s of servers) {
    const said = sentence(s), why = said ? s.why.map((w) => w.detail).join("; ") : "";
    const key = `${said}\n${why}`;
    same.has(key) ? same.get(key).servers.push(s) : same.set(key, { said, why, servers: [s] });
  }
  return [...same.values()];
}

// One group: a heading, and what is said of which servers, and what is different about them.
function group(title, servers, sentence, link, all) {
  const lines = bySentence(servers, sentence), shown = lines.slice(0, LINES);
  const told = shown.reduce((n, line) => n + Math.min(line.servers.length, NAMES), 0);
  return h("section", { class: "group" },
    h("h3", {}, title, " ", h("span", { class: "n" }, count(servers.length))),
    h("ul", { class: "sentences" }, shown.map((line) => h("li", {},
      h("span", { class: "names" }, line.servers.slice(0, NAMES).map((s) => [h("a", { href: link(s) }, s.name), " "]),
        line.servers.length > NAMES
          ? h("span", { class: "muted" }, `and ${count(line.servers.length - NAMES)} more`) : null),
      h("span", {}, line.said, line.why ? h("span", { class: "why" }, "Different: ", line.why) : null)))),
    told < servers.length ? h("p", { class: "more" },
      h("button", { type: "button", class: "plain", onclick: all }, `All ${count(servers.length)} in the table`)) : null);
}

function notPassed(run, filter, link) {
  const reasons = new Map(), found = new Map(Object.keys(FINDINGS).concat("flaky").map((f) => [f, []]));
  for (const s of run.servers) {
    if (!s) continue;
    const verdict = run.verdict(s), reason = run.reason(s);
    if (reason) {
      const key = `${verdict}\n${reason}`;
      reasons.has(key) ? reasons.get(key).push(s) : reasons.set(key, [s]);
    }
    if (verdict === "passed") for (const [f, list] of found) if (has(s, f)) list.push(s);
  }
  const groups = [...reasons].sort(([a, x], [b, y]) =>
    ORDER.indexOf(a.split("\n")[0]) - ORDER.indexOf(b.split("\n")[0]) || y.length - x.length).map(([key, servers]) => {
    const [verdict, reason] = key.split("\n");
    return group([letter(verdict), ` ${verdict}, ${reason}`], servers, (s) => s.detail ?? "", link,
      () => filter.only({ reason }));
  });
  const said = (f) => (s) => f === "flaky" ? "" : s.findings.filter((x) => x.finding === f).map((x) => x.detail).join("; ");
  const notes = [...found].filter(([, list]) => list.length).map(([f, list]) =>
    group(f === "flaky" ? "passed, but not for certain" : `passed, ${FINDINGS[f]}`, list, said(f), link,
      () => filter.only({ finding: f, verdicts: ["passed"] })));
  return { failed: [matrix(run, filter), groups], found: notes };
}

// A part that somebody is in with the keyboard is left as it is until they go.
function place(section, empty, id, title, content) {
  if (section.contains(document.activeElement)) return;
  section.hidden = empty;
  put(section, h("h2", { id }, title), content);
}

// Puts them where they stand on the page; a part with nothing in it is hidden.
export function showOutcome(run, filter, link, places) {
  put(places.outcome, outcome(run), runFacts(run));
  const { failed, found } = notPassed(run, filter, link);
  place(places.failed, failed[1].length === 0, "not-passed", "What did not pass", failed);
  place(places.found, found.length === 0, "found", "Passed, and worth a look", found);
}
