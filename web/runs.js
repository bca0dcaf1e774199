// All runs of the store, and a choice of two to compare.
import { h, put, count, counted, duration, localTime } from "./dom.js";
import { fetchJson } from "./data.js";

const SHOWN = 100;
const AGAIN = 5000; // ms, while one is in progress

export function runAddress(run) {
  return `/runs/${encodeURIComponent(run)}`;
}

export function compareAddress(from, to) {
  return `/compare?${new URLSearchParams({ from, to })}`;
}

function share(run) {
  return h("div", { class: "bar", "aria-hidden": "true" }, ["passed", "failed", "errors", "cancelled"].map((what) => {
    const part = h("span", { class: { errors: "error", cancelled: run.state === "running" ? "waiting" : what }[what] ?? what });
    part.style.flexGrow = run[what];
    part.hidden = run[what] === 0;
    return part;
  }));
}

export class RunsPage {
  constructor(main, runs) {
    Object.assign(this, { main, runs, chosen: new Set(), all: false });
    document.title = "Runs, muster";
    this.compare = h("button", { type: "button", onclick: () => this.goCompare() }, "Compare");
    this.table = h("div", { class: "wide" });
    this.said = h("p", { class: "muted" });
    put(main, h("h1", { class: "page" }, "Runs"), h("div", { class: "controls" }, this.compare, this.said), this.table);
    this.show();
    this.again();
  }

  show() {
    const head = ["Compare", "Run", "Began", "Took", "Servers", "Passed", "Failed", "Errors", "Cancelled", "", "State"];
    const shown = this.all ? this.runs : this.runs.slice(0, SHOWN);
    put(this.table, this.runs.length === 0 ? h("p", {}, "No run is in this store yet.")
      : h("table", { class: "runs" },
        h("thead", {}, h("tr", {}, head.map((t, i) => h(t ? "th" : "td", { scope: t ? "col" : null, class: i >= 3 && i <= 8 ? "num" : null }, t)))),
        h("tbody", {}, shown.map((run) => this.row(run)))),
    shown.length < this.runs.length ? h("button", { type: "button", class: "plain", onclick: () => {
      this.all = true;
      this.show();
    } }, `All ${counted(this.runs.length, "run")}`) : null);
    this.tell();
  }

  row(run) {
    const toCome = run.state === "running" ? run.cancelled : 0;
    return h("tr", {},
      h("td", {}, h("input", { type: "checkbox", "aria-label": `Compare run ${run.run}`, checked: this.chosen.has(run.run), onchange: (e) => {
        if (e.target.checked) this.chosen.add(run.run);
        else this.chosen.delete(run.run);
        this.tell();
      } })),
      h("th", { scope: "row" }, h("a", { href: runAddress(run.run) }, run.run)),
      h("td", {}, localTime(run.started)), h("td", { class: "num" }, duration(run.seconds)),
      [run.total, run.passed].map((n) => h("td", { class: "num" }, count(n))),
      [run.failed, run.errors].map((n) => h("td", { class: n ? "num bad" : "num" }, count(n))),
      h("td", { class: "num" }, count(run.cancelled - toCome)),
      h("td", { class: "share" }, share(run)),
      h("td", {}, run.stopped ? `${run.state}: ${run.stopped}` : run.state, toCome ? h("span", { class: "muted" }, `, ${count(toCome)} to come`) : null));
  }

  tell() {
    this.compare.disabled = this.chosen.size !== 2;
    this.said.textContent = this.chosen.size === 2 ? "" : "Choose two runs to compare them.";
  }

  // The earlier one is what the later one is held against.
  goCompare() {
    const [to, from] = this.runs.map((r) => r.run).filter((id) => this.chosen.has(id));
    location.assign(compareAddress(from, to));
  }

  again() {
    if (this.runs.some((r) => r.state === "running"))
      setTimeout(async () => {
        try {
          this.runs = await fetchJson("/api/runs");
          if (!this.table.contains(document.activeElement)) this.show();
        } catch {
          // the list stays as it was, and is asked for again
        }
        this.again();
      }, AGAIN);
  }
}
