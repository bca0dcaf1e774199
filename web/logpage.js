// The log of a run, filtered by server and level; it goes on as the log grows.
import { h, put, counted } from "./dom.js";
import { goesOn, logUrl, readLines } from "./data.js";
import { logRow, logTable } from "./log.js";
import { runAddress, serverAddress } from "./runs.js";

const LEVELS = ["debug", "info", "warning", "error"];
const AGAIN = 2000; // ms, while the run is in progress

export class LogPage {
  constructor(main, run) {
    Object.assign(this, { run, lines: 0 });
    document.title = `Log of run ${run.run}, muster`;
    const asked = new URLSearchParams(location.search);
    const level = asked.get("level") ?? LEVELS[0];
    this.server = h("input", {
      type: "search", id: "log-server", value: asked.get("server") ?? "", placeholder: "all", autocomplete: "off",
      spellcheck: "false",
    });
    this.level = h("select", { id: "log-level" }, LEVELS.map((l) =>
      h("option", { value: l, selected: l === level }, l === LEVELS[0] ? "all" : l)));
    this.said = h("p", { class: "shown", role: "status" });
    this.more = h("button", { type: "button", hidden: true, onclick: () => this.read() }, "More");
    this.table = h("div");
    const form = h("form", { class: "filter", role: "search", "aria-label": "Log", onsubmit: (e) => {
      e.preventDefault();
      this.begin();
    } },
    h("div", { class: "field" }, h("label", { for: "log-server" }, "Server"), this.server),
    h("div", { class: "field" }, h("label", { for: "log-level" }, "Level, at least"), this.level), h("button", {}, "Show"));
    this.level.addEventListener("change", () => this.begin());
    put(main, h("h1", { class: "page" }, "Log of run ", h("a", { href: runAddress(run.run) }, run.run)),
      form, this.said, this.table, this.more);
    this.begin();
  }

  begin() {
    const query = { server: this.server.value.trim(), level: this.level.value === LEVELS[0] ? "" : this.level.value };
    const given = new URLSearchParams(Object.entries(query).filter(([, v]) => v));
    history.replaceState(null, "", `${location.pathname}${given.size ? `?${given}` : ""}`);
    Object.assign(this, { query, lines: 0, after: 0 });
    this.options = { server: !query.server, link: (name) => serverAddress(this.run.run, name) };
    put(this.table, logTable([], this.options));
    this.rows = this.table.querySelector("tbody");
    this.read();
  }

  async read() {
    clearTimeout(this.timer);
    const query = this.query;
    try {
      const answer = await fetch(logUrl(this.run.run, { ...query, after: this.after }));
      const text = await answer.text();
      if (query !== this.query) return; // another one was asked for since
      if (!answer.ok) throw new Error(JSON.parse(text).error);
      this.after = answer.headers.get("Muster-After") ?? this.after;
      this.more.hidden = answer.headers.get("Muster-More") !== "1";
      this.add(readLines(text));
    } catch (error) {
      this.said.textContent = `The log cannot be read: ${error.message}`;
    }
    if (this.more.hidden && goesOn(this.run)) this.timer = setTimeout(() => this.read(), AGAIN);
  }

  add(lines) {
    const below = innerHeight + scrollY >= document.body.scrollHeight - 40 && this.lines > 0;
    this.lines += lines.length;
    this.rows.append(...lines.map((line) => logRow(line, this.options)));
    const words = `${counted(this.lines, "line")}${this.more.hidden ? "" : ", and there is more"}`;
    if (this.said.textContent !== words) this.said.textContent = words;
    if (below && lines.length) scrollTo(0, document.body.scrollHeight);
  }
}
