// A run in progress: what the server tells as it happens, put into the page at most once a second.
import { h, put, announce, counted } from "./dom.js";
import { progressWords } from "./report.js";

const EVERY = 1000; // ms

export class Live {
  constructor(report, path) {
    Object.assign(this, { report, rows: [], progress: null, last: 0 });
    this.line = h("p", { class: "live" });
    report.places.outcome.before(this.line);
    this.events = new EventSource(`${path}/events`);
    this.events.addEventListener("servers", (e) => {
      this.rows.push(JSON.parse(e.data));
      this.later();
    });
    this.events.addEventListener("progress", (e) => {
      this.progress = JSON.parse(e.data);
      this.later();
    });
    this.events.addEventListener("end", (e) => this.end(JSON.parse(e.data)));
    this.events.onerror = () => put(this.line, this.events.readyState === EventSource.CLOSED
      ? "The connection to muster serve has ended; reload the page to go on." : "No connection to muster serve; trying again.");
  }

  later() {
    this.pending ??= setTimeout(() => {
      this.pending = null;
      this.take(false);
    }, Math.max(0, this.last + EVERY - performance.now()));
  }

  take(ended) {
    const rows = this.rows;
    this.rows = [];
    this.last = performance.now();
    const p = this.progress;
    this.report.update(rows, p && { state: p.state, seconds: p.seconds }, ended);
    if (p && !ended) put(this.line, h("span", { class: "pulse", "aria-hidden": "true" }), ` In progress, ${progressWords(p)}`);
  }

  end({ state }) {
    this.events.close();
    clearTimeout(this.pending);
    if (this.progress) this.progress.state = state;
    else this.progress = { state, seconds: this.report.run.run.seconds };
    this.take(true);
    this.line.remove();
    announce(`The run has ended. ${document.querySelector("h1")?.textContent ?? counted(this.report.run.servers.length, "server")}`);
  }
}
