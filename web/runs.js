// All runs of the store, a choice of two to compare, and who works on them.
import { h, put, heads, num, count, counted, duration, localTime } from "./dom.js";
import { fetchJson, goesOn } from "./data.js";

const SHOWN = 100;
const AGAIN = 5000; // ms, while one is in progress or somebody works

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
    const toCome = what === "cancelled" && goesOn(run);
    const part = h("span", { class: toCome ? "waiting" : what === "errors" ? "error" : what });
    part.style.flexGrow = run[what];
    part.hidden = run[what] === 0;
    return part;
  }));
}

// The controllers of a store that several share, and how long what each holds is still its own.
function crewTable(workers) {
  return h("div", { class: "wide" }, h("table", { class: "workers" },
    heads([["Worker", "num"], "Host", ["Process", "num"], "Site", "Run", ["Servers held", "num"], ["Fan-out", "num"], "Began", "Lease"]),
    h("tbody", {}, workers.map((w) => h("tr", {},
      h("th", { scope: "row", class: "num" }, String(w.worker)),
      h("td", {}, w.host ?? ""), num(String(w.pid)),
      h("td", {}, w.site ?? h("span", { class: "muted" }, "any")),
      h("td", {}, w.run ? h("a", { href: runAddress(w.run) }, w.run) : h("span", { class: "muted" }, "none")),
      num(count(w.claimed)), num(w.fanout === null ? "" : count(w.fanout)), h("td", {}, localTime(w.started)),
      h("td", { class: w.lease > 0 ? null : "bad" },
        w.lease > 0 ? `${duration(Math.ceil(w.lease))} left` : `over for ${duration(Math.floor(-w.lease))}`))))));
}

export class RunsPage {
  constructor(main, runs, workers) {
    Object.assign(this, { main, runs, workers, chosen: new Set(), all: false });
    document.title = "Runs, muster";
    this.compare = h("button", { type: "button", onclick: () => this.goCompare() }, "Compare");
    this.table = h("div", { class: "wide" });
    this.said = h("p", { class: "muted" });
    put(main, h("h1", { class: "page" }, "Runs"), h("div", { class: "controls" }, this.compare, this.said), this.table,
      (this.crew = h("section", { "aria-label": "Workers" })));
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
    put(this.crew, this.workers.length === 0 ? null : [h("h2", {}, "Workers"), crewTable(this.workers)]);
    this.tell();
  }

  row(run) {
    const toCome = goesOn(run) ? run.cancelled : 0;
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
    if (this.runs.some(goesOn) || this.workers.length > 0)
      setTimeout(async () => {
        try {
          [this.runs, this.workers] = await Promise.all([fetchJson("/api/runs"), fetchJson("/api/workers")]);
          if (!this.table.contains(document.activeElement)) this.show();
        } catch {
          // the list stays as it was, and is asked for again
        }
        this.again();
      }, AGAIN);
  }
}
