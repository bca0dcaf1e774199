// A run in progress: what the server tells as it happens, put into the page at most once a second.
// A browser has six connections to one place, for all its tabs together: a page that nobody sees leaves
// its own to others, and follows again when it is seen.
import { h, put, announce } from "./dom.js";
import { progressWords } from "./report.js";

const EVERY = 1000; // ms

export class Live {
  // `source` tells of all servers: when the stream has begun, so that nothing is missed between the
  // page's own look and that moment, and when it has ended.
  constructor(report, source) {
    Object.assign(this, { report, source, rows: [], progress: null, last: 0, whole: false });
    this.line = h("p", { class: "live" });
    report.places.outcome.before(this.line);
    this.seen = () => (document.hidden ? this.leave() : this.follow());
    document.addEventListener("visibilitychange", this.seen);
    this.seen();
  }

  // The server tells of all servers that are done, also of those that the page knows.
  follow() {
    if (this.events) return;
    const events = (this.events = new EventSource(`${this.source.path}/events`));
    events.addEventListener("servers", (e) => {
      this.rows.push(JSON.parse(e.data));
      this.later();
    });
    events.addEventListener("progress", (e) => {
      if (!this.progress) this.begin();
      this.progress = JSON.parse(e.data);
      this.later();
    });
    events.addEventListener("end", () => this.end());
    events.onerror = () => put(this.line, events.readyState === EventSource.CLOSED
      ? "The connection to muster serve has ended; reload the page to go on."
      : "No connection to muster serve; trying again.");
  }

  leave() {
    this.events?.close();
    this.events = null;
  }

  // What comes meanwhile is newer, and taken after it.
  async begin() {
    try {
      this.rows.unshift(await this.source.overview());
    } catch {
      // the rows that come are shown all the same
    }
    this.whole = true;
    this.later();
  }

  later() {
    if (this.whole)
      this.pending ??= setTimeout(() => {
        this.pending = null;
        this.take(this.progress);
      }, Math.max(0, this.last + EVERY - performance.now()));
  }

  take({ state, seconds }) {
    const rows = this.rows;
    this.rows = [];
    this.last = performance.now();
    this.report.update(rows, { state, seconds }, false);
    put(this.line, h("span", { class: "pulse", "aria-hidden": "true" }), ` In progress, ${progressWords(this.progress)}`);
  }

  async end() {
    document.removeEventListener("visibilitychange", this.seen);
    this.leave();
    try {
      const overview = await this.source.overview();
      clearTimeout(this.pending);
      this.whole = false;
      this.report.run.notes = overview.notes;
      this.report.update([overview], overview.run, true);
      this.line.remove();
      announce(`The run has ended. ${document.querySelector("h1").textContent}`);
    } catch (error) {
      put(this.line, `The run has ended, and cannot be read: ${error.message}`);
    }
  }
}
