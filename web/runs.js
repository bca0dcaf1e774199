// All runs of the store, and a choice of two to compare.
import { h, put, heads, num, count, counted, duration, localTime } from "./dom.js";
import { fetchJson } from "./data.js";

const SHOWN = 100;
const AGAIN = 5000; // ms, while one is in progress

export function runAddress(run) {
  return `/runs/${encodeURIComponent(run)}`;
}

export function serverAddress(run, name) {
  return `${runAddress(run)}#server=${encodeURIComponent(name)}`;
}

export function compareAddress(from, to) {
  return `/compare?${new URLSearchParams({ from, to })}`;
}

function share(run) {
  return h("div", { class: "bar", "aria-hidden": "true" }, ["passed", "failed", "errors", "cancelled"].map((what) => {
    const toCome = what === "cancelled" && run.state === "running";
    const part = h("span", { class: toCome ? "waiting" : what === "errors" ? "error" : what });
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
    const numbers = ["Took", "Servers", "Passed", "Failed", "Errors", "Cancelled"].map((title) => [title, "num"]);
    const shown = this.all ? this.runs : this.runs.slice(0, SHOWN);
    put(this.table, this.runs.length === 0 ? h("p", {}, "No run is in this store yet.")
      : h("table", { class: "runs" },
        heads(["Compare", "Run", "Began", ...numbers, "Share", "State"]),
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
      h("td", {}, this.box(run.run)),
      h("th", { scope: "row" }, h("a", { href: runAddress(run.run) }, run.run)),
      h("td", {}, localTime(run.started)), num(duration(run.seconds)),
      [run.total, run.passed].map((n) => num(count(n))),
      [run.failed, run.errors].map((n) => num(count(n), n ? "bad" : "")),
      num(count(run.cancelled - toCome)),
      h("td", { class: "share" }, share(run)),
      h("td", {}, run.stopped ? `${run.state}: ${run.stopped}` : run.state,
        toCome ? h("span", { class: "muted" }, `, ${count(toCome)} to come`) : null));
  }

  box(id) {
    return h("input", {
      type: "checkbox", "aria-label": `Compare run ${id}`, checked: this.chosen.has(id),
      onchange: (e) => {
        if (e.target.checked) this.chosen.add(id);
        else this.chosen.delete(id);
        this.tell();
      },
    });
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
