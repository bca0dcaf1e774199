// What changed between two runs.
import { h, svg, put, heads, num, count, counted, number, signed, withUnit, localTime } from "./dom.js";
import { runAddress, serverAddress, compareAddress } from "./runs.js";

const WIDTH = 260, HEIGHT = 20;

// The ratio and its interval about 1, on an axis that all rows share; `good`: above 1 is better.
function interval(m, span) {
  const x = (ratio) => WIDTH / 2 + (Math.max(-span, Math.min(span, Math.log(ratio))) / span) * (WIDTH / 2 - 6);
  if (!(m.ratio > 0)) return null;
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: `chart interval ${m.change}`, "aria-hidden": "true" },
    svg("path", { class: "one", d: `M${WIDTH / 2} 0V${HEIGHT}` }),
    m.low > 0 ? svg("path", { class: "span", d: `M${x(m.low).toFixed(1)} ${HEIGHT / 2}H${x(m.high).toFixed(1)}` }) : null,
    svg("circle", { cx: x(m.ratio).toFixed(1), cy: HEIGHT / 2, r: 3.5 }));
}

function ratio(x) {
  return x === null ? "-" : x.toFixed(3);
}

const MARK = { worse: "▼ ", better: "▲ ", same: "", unsure: "? " };

function kindTable([kind, metrics], span) {
  return h("div", { class: "wide" }, h("table", { class: "compared" }, h("caption", {}, h("b", {}, kind)),
    heads(["Metric", ["Before", "num"], ["After", "num"], "Unit", ["Ratio", "num"], ["Interval", "num"],
      "Ratio and interval", ["Servers", "num"], "Change"]),
    h("tbody", {}, metrics.map((m) => metricRow(m, span)))));
}

function metricRow(m, span) {
  const changed = m.change === "worse" || m.change === "better";
  return h("tr", {},
    h("th", { scope: "row" }, m.metric === m.benchmark ? m.benchmark : `${m.benchmark} ${m.metric}`),
    num(number(m.before)), num(number(m.after), "strong"), h("td", {}, m.unit ?? ""),
    num(ratio(m.ratio)), num(m.low === null ? "-" : `${ratio(m.low)} to ${ratio(m.high)}`),
    h("td", {}, interval(m, span)),
    num(m.paired ? count(m.pairs) : `${count(m.before_servers)}, ${count(m.after_servers)}`),
    h("td", { class: m.change === "worse" ? "bad" : null }, MARK[m.change], m.change, changed ? ` ${signed(m.percent)}` : ""));
}

function serverLink(run, name) {
  return h("a", { href: serverAddress(run, name) }, name);
}

function names(title, list, run) {
  if (list.length === 0) return null;
  return h("section", {}, h("h2", {}, title, " ", h("span", { class: "n" }, count(list.length))),
    h("p", { class: "names" }, list.slice(0, 500).map((n) => [serverLink(run, n), " "]),
      list.length > 500 ? `and ${count(list.length - 500)} more` : null));
}

function words(c) {
  const worse = c.metrics.filter((m) => m.change === "worse").length, parts = [];
  if (worse) parts.push(`${counted(worse, "metric is", "metrics are")} worse`);
  if (c.newly_failing.length) parts.push(`${counted(c.newly_failing.length, "server newly fails", "servers newly fail")}`);
  if (parts.length) return `${parts.join(", ")}.`;
  const unsure = c.metrics.length > 0 && c.metrics.every((m) => m.change === "unsure");
  return unsure ? "Too few servers to tell." : "Nothing is worse.";
}

function chooser(runs, c) {
  const select = (id, chosen) => h("select", { id, onchange: () => location.assign(compareAddress(from.value, to.value)) },
    runs.map((r) => h("option", { value: r.run, selected: r.run === chosen },
      `${r.run}, ${localTime(r.started)}, ${counted(r.total, "server")}`)));
  const from = select("from", c.before.run), to = select("to", c.after.run);
  return h("div", { class: "controls" },
    h("label", { for: "from" }, "Before"), from, h("label", { for: "to" }, "After"), to);
}

function moved(c) {
  if (c.moved.length === 0) return null;
  return h("section", {},
    h("h2", {}, "Moved otherwise than their kind ", h("span", { class: "n" }, count(c.moved.length))),
    h("ul", { class: "sentences" }, c.moved.slice(0, 200).map((m) => h("li", {},
      h("span", { class: "names" }, serverLink(c.after.run, m.server)),
      h("span", {}, `${m.benchmark} ${m.metric} ${signed(m.percent)}, `,
        `${number(m.before)} to ${withUnit(m.after, m.unit)}`)))));
}

export function comparePage(main, c, runs) {
  document.title = `${c.before.run} and ${c.after.run}, muster`;
  const changed = c.metrics.filter((m) => m.change !== "same");
  const span = Math.max(0.05, ...c.metrics.filter((m) => m.ratio > 0).map((m) => Math.abs(Math.log(m.ratio)) * 1.2));
  const body = h("div");
  const show = (all) => {
    const kinds = new Map();
    for (const m of all ? c.metrics : changed) {
      const kind = m.disk ? `${m.kind}, ${m.disk}` : m.kind;
      kinds.has(kind) ? kinds.get(kind).push(m) : kinds.set(kind, [m]);
    }
    put(body, kinds.size ? [...kinds].map((k) => kindTable(k, span)) : h("p", { class: "muted" }, "No metric has changed."));
  };
  const all = h("input", { type: "checkbox", id: "all", onchange: () => show(all.checked) });
  put(main, h("h1", { class: "page" }, words(c)), chooser(runs, c),
    h("p", {}, h("a", { href: runAddress(c.before.run) }, "The run before"), ", ",
      h("a", { href: runAddress(c.after.run) }, "the run after")),
    names("Newly failing", c.newly_failing, c.after.run),
    h("h2", {}, "Metrics"), h("p", { class: "muted" }, `Changes count from ${number(c.least_percent)} % on. `,
      `${counted(c.metrics.length - changed.length, "metric is", "metrics are")} as before.`),
    h("p", {}, all, h("label", { for: "all" }, " Show them, too")), body,
    names("Newly passing", c.newly_passing, c.after.run),
    moved(c),
    names("Only in the run before", c.only_before, c.before.run), names("Only in the run after", c.only_after, c.after.run));
  show(false);
}
