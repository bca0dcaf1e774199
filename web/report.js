// The page of a run: in a file of its own, or of muster serve, then live while the run goes on.
import { h, put, count, score, duration, announce } from "./dom.js";
import { Run } from "./data.js";
import { STEPS, stepWords } from "./colour.js";
import { VirtualTable } from "./table.js";
import { Filter } from "./filter.js";
import { HeatMap, tileOf } from "./heatmap.js";
import { Distributions } from "./distribution.js";
import { showOutcome, letter } from "./outcome.js";
import { ServerView } from "./server.js";

const PARTS = [["#main", "Outcome"], ["#not-passed", "Not passed"], ["#servers", "Servers"],
  ["#distributions", "Distributions"]];

function serverLink(server) {
  return `#server=${encodeURIComponent(server.name)}`;
}

function section(label) {
  return h("section", { "aria-labelledby": label });
}

export class Report {
  // `history(server)` is the address of a server's history, where there is one.
  constructor(main, source, overview, { history = null, home = false } = {}) {
    this.home = home; // of muster serve, which has more pages
    this.source = source;
    this.run = new Run(overview);
    this.peers = this.isRaw();
    this.main = main;
    this.overview = h("div");
    this.view = new ServerView(this.run, source, serverLink, history);
    this.view.element.hidden = true;
    this.filter = new Filter(this.run, () => this.show());
    this.map = new HeatMap(this.run, (s, byKey) => {
      this.fromMap = byKey;
      location.hash = serverLink(s);
    });
    this.build();
    put(main, this.overview, this.view.element);
    this.show();
    addEventListener("hashchange", () => this.route());
    addEventListener("keydown", (event) => this.key(event));
    this.route();
  }

  // Whether scores are values as they were measured, which have no place between 0 and 100.
  isRaw() {
    const all = this.run.servers.flatMap((s) => s?.benchmarks.filter(Boolean) ?? []);
    return all.every((b) => b.reference === null) && all.some((b) => b.score > 200);
  }

  build() {
    this.places = {
      outcome: h("section", { class: "outcome", "aria-label": "Outcome" }),
      failed: section("not-passed"), found: section("found"),
    };
    this.shownCount = h("p", { class: "shown", role: "status" });
    this.legend = h("ul", { class: "legend" });
    this.tableBox = h("div");
    this.mapBox = h("details", { class: "mapbox", open: true },
      h("summary", {}, "Map of the fleet"), this.mapControls(), this.map.element);
    this.distributions = new Distributions(this.run, serverLink, (kind) => this.only({ kind }));
    this.filterOnly = this.filter.only.bind(this.filter);
    this.filter.only = (what) => this.only(what);
    put(this.overview, this.places.outcome, this.places.failed, this.places.found,
      h("section", { "aria-labelledby": "servers", class: "fleet" }, h("h2", { id: "servers" }, "Servers"),
        this.filter.element, this.shownCount, this.mapBox, this.tableBox),
      h("section", { "aria-labelledby": "distributions" }, h("h2", { id: "distributions" }, "Distributions"),
        h("p", { class: "muted" }, "Of each metric and kind, on an axis of its own. ",
          "▲ is the median, the upright line the threshold, ◆ an outlier."),
        this.distributions.element));
    put(document.getElementById("where"), this.home ? h("a", { href: "/" }, "All runs") : null,
      PARTS.map(([href, words]) => h("a", { href }, words)),
      this.home ? h("a", { href: `${location.pathname.replace(/\/$/, "")}/log` }, "Log") : null);
    this.makeTable();
    showOutcome(this.run, this.filter, serverLink, this.places);
  }

  only(what) {
    this.filterOnly(what);
    document.getElementById("servers").scrollIntoView();
    announce(this.table.describe(this.run.servers.length));
  }

  mapControls() {
    this.mapOf = h("select", { id: "map-of", onchange: () => {
      this.map.benchmark = Number(this.mapOf.value);
      this.map.draw();
    } });
    this.by = h("select", { id: "by", onchange: () => {
      this.peers = this.by.value === "peers";
      this.show();
    } },
    h("option", { value: "score", selected: !this.peers }, "score"),
    h("option", { value: "peers", selected: this.peers }, "per cent of the kind's median"));
    return h("div", { class: "controls" }, h("label", { for: "map-of" }, "Tiles show "), this.mapOf,
      h("label", { for: "by" }, "Colours are by "), this.by, this.legend);
  }

  // Anew when there are other benchmarks.
  makeTable() {
    this.columnsOf = this.run.benchmarks.length;
    put(this.mapOf, h("option", { value: -1 }, "the worst benchmark"),
      this.run.benchmarks.map((b, i) => h("option", { value: i }, b)));
    const narrow = matchMedia("(max-width: 700px)").matches;
    this.table = new VirtualTable({
      label: "Servers", what: "server", link: serverLink,
      columns: [
        { title: "Server", class: "name", width: narrow ? "9rem" : "11rem", cell: (s) => s.name, key: (s) => s.name },
        { title: "Verdict", width: "11rem", key: (s) => `${this.run.verdict(s)} ${this.run.reason(s) ?? ""}`,
          cell: (s) => this.verdictCell(s) },
        ...this.run.benchmarks.map((title, b) => ({
          title, class: "num", width: "6.5rem", first: "up", cell: (s) => this.scoreCell(s, b),
          key: (s) => tileOf(this.run, s, b, this.peers)?.value ?? null,
        })),
        { title: "Kind", class: "kind", width: "16rem", key: (s) => s.kind, cell: (s) => h("span", { title: s.kind }, s.kind) },
        { title: "Time", class: "num", width: "5.5rem", first: "down", key: (s) => s.seconds,
          cell: (s) => duration(s.seconds) },
      ],
    });
    put(this.tableBox, this.table.element);
  }

  verdictCell(server) {
    const verdict = this.run.verdict(server), found = verdict === "passed" && server.findings[0];
    return [letter(verdict), ` ${this.run.reason(server) ?? verdict}`,
      found ? h("span", { class: "flag", title: found.detail }, " ◆ found") : null];
  }

  scoreCell(server, benchmark) {
    const tile = tileOf(this.run, server, benchmark, this.peers);
    if (!tile) return h("td", { class: "cell none" }, h("span", { class: "muted" }, "·"));
    const mark = tile.verdict === "passed" ? null : letter(tile.verdict);
    const words = this.peers ? `${score(tile.value, false)} %` : score(tile.value, this.run.whole);
    return h("td", { class: tile.step < 0 ? "cell none" : `cell s${tile.step}` }, mark,
      h("span", {}, tile.step >= 0 ? words : mark ? "" : "·"));
  }

  show() {
    const servers = this.filter.servers();
    this.map.peers = this.peers;
    this.map.set(servers);
    this.table.set(servers);
    this.shownCount.textContent = `${this.table.describe(this.run.servers.length)} shown`;
    put(this.legend, Array.from({ length: STEPS }, (_, i) =>
      h("li", {}, h("span", { class: `swatch s${i}` }), stepWords(this.peers, i))));
  }

  recolour() {
    this.map.draw();
  }

  // ---- which part of the page is shown ----

  route() {
    const name = /^#server=(.*)$/.exec(location.hash)?.[1];
    let server = null;
    try {
      server = name === undefined ? null : this.run.byName.get(decodeURIComponent(name)) ?? null;
    } catch {
      server = null; // not an address of ours
    }
    const was = !this.view.element.hidden && this.view.shown;
    if (server && this.overview.hidden === false) this.scrolled = scrollY;
    this.overview.hidden = server !== null;
    this.view.element.hidden = server === null;
    document.title = `${server ? `${server.name}, ` : ""}run ${this.run.run.run}, muster`;
    if (server) {
      const list = this.table.shown, at = list.indexOf(server);
      this.view.show(server, { before: list[at - 1], after: at >= 0 ? list[at + 1] : undefined });
    } else if (was) {
      put(this.view.element);
      this.view.shown = null;
      if (!location.hash || location.hash === "#") this.back(was);
      else document.getElementById(location.hash.slice(1))?.scrollIntoView();
    }
  }

  // To where one was: the row of the server that was open has the focus, or its tile.
  back(server) {
    scrollTo(0, this.scrolled ?? 0);
    this.table.draw();
    (this.fromMap ? this.map : this.table).focusOn(server);
    this.fromMap = false;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) {
      if (event.key === "Escape" && event.target === this.filter.search) this.filter.search.blur();
      return;
    }
    const link = { Escape: ".back", j: '[aria-keyshortcuts="j"]', k: '[aria-keyshortcuts="k"]' }[event.key];
    if (event.key === "/") {
      event.preventDefault();
      if (this.overview.hidden) location.hash = "";
      setTimeout(() => {
        this.filter.search.scrollIntoView({ block: "center" });
        this.filter.search.select();
        this.filter.search.focus();
      });
    } else if (link && !this.view.element.hidden) {
      this.view.element.querySelector(link)?.click();
    }
  }

  // ---- live ----

  // Overviews of rows that have changed, and what is new of the run. Distributions cost more than
  // the rest, and are drawn anew every few seconds, and at the end.
  update(overviews, run, ended) {
    Object.assign(this.run.run, run);
    const changed = new Set(overviews.flatMap((o) => this.run.merge(o)).map((s) => s.name));
    const row = this.table.focused();
    const anew = this.columnsOf !== this.run.benchmarks.length;
    if (anew) this.makeTable();
    this.filter.update();
    showOutcome(this.run, this.filter, serverLink, this.places);
    this.show();
    if (anew && row) this.table.focusOn(row);
    if (ended || (changed.size && !(performance.now() < this.drawn + 5000))) {
      this.drawn = performance.now();
      this.distributions.update();
    }
    const open = this.view.element.hidden ? null : this.view.shown;
    if (open && changed.has(open.name)) this.route();
  }
}

export function progressWords(p) {
  const parts = ["running", "waiting"].filter((w) => p[w] > 0).map((w) => `${count(p[w])} ${w}`);
  const done = p.total ? Math.floor((100 * (p.passed + p.failed + p.errors)) / p.total) : 100;
  return `${done} % done${parts.length ? `: ${parts.join(", ")}` : ""}`;
}
