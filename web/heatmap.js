// A map of the fleet: a tile for each server, by kind, coloured by a score. It is a picture of what
// the table below it has in numbers. A click opens a server; so does Enter, where the arrow keys have
// led: the tile is framed, and what a pointer would be shown is also said to a reader of the screen. What did not pass is marked by a sign, not by its colour alone: a cross through what
// failed, a ring for an error, an empty tile for what has no verdict.
import { h, score, announce } from "./dom.js";
import { palette, stepOfScore, stepOfPeers } from "./colour.js";
import { LETTERS } from "./data.js";

// The score that a tile is coloured by: of one benchmark, or with -1 the worst of all.
export function tileOf(run, server, benchmark, peers) {
  const of = (b) => {
    const result = server.benchmarks[b];
    if (!result) return null;
    const value = peers ? (result.judged === null ? NaN : run.againstPeers(server, result.judged)) : result.score ?? NaN;
    return { step: peers ? stepOfPeers(value) : stepOfScore(value, result.threshold), value, verdict: result.verdict };
  };
  if (benchmark >= 0) return of(benchmark);
  let worst = null;
  for (let b = 0; b < server.benchmarks.length; b++) {
    const tile = of(b);
    if (!tile || tile.step < 0) continue;
    if (!worst || tile.step < worst.step || (tile.step === worst.step && tile.value < worst.value)) worst = tile;
  }
  return worst;
}

const SIZES = [[60, 36], [300, 22], [1500, 15], [4000, 11], [Infinity, 9]]; // servers, pixels a tile
const TITLE = 24;

export class HeatMap {
  // `open(server, byKey)` is called for a server that was chosen.
  constructor(run, open) {
    Object.assign(this, { run, open, servers: [], benchmark: -1, peers: false, places: [], rows: [], at: null });
    this.canvas = h("canvas", { role: "application", tabindex: 0, "aria-roledescription": "map" });
    this.tip = h("div", { class: "tip", hidden: true });
    this.frame = h("div", { class: "frame", hidden: true });
    this.element = h("div", { class: "map" }, this.canvas, this.frame, this.tip);
    this.canvas.addEventListener("mousemove", (e) => this.hover(e));
    this.canvas.addEventListener("mouseleave", () => (this.tip.hidden = true));
    this.canvas.addEventListener("click", (e) => {
      const server = this.under(e);
      if (server) open(server, false);
    });
    this.canvas.addEventListener("keydown", (e) => this.key(e));
    this.canvas.addEventListener("focus", () => {
      const [column, row] = this.cell() ?? [0, 0], server = this.inRow(row, column);
      if (server && this.canvas.matches(":focus-visible")) this.move(server);
    });
    this.canvas.addEventListener("blur", () => (this.frame.hidden = this.tip.hidden = true));
    new ResizeObserver(() => this.element.clientWidth !== this.width && this.draw()).observe(this.element);
  }

  set(servers) {
    this.servers = servers;
    this.draw();
  }

  // Where kinds and their tiles are: {kind, top, servers}; and the rows of tiles: {top, servers}.
  lay() {
    const groups = new Map();
    for (const s of this.servers) groups.has(s.kind) ? groups.get(s.kind).push(s) : groups.set(s.kind, [s]);
    this.width = this.element.clientWidth;
    this.tile = SIZES.find(([most]) => this.servers.length <= most)[1];
    this.across = Math.max(1, Math.floor(this.width / this.tile));
    let top = 0;
    this.rows = [];
    this.places = [...groups.keys()].sort().map((kind) => {
      const servers = groups.get(kind), place = { kind, top: top + TITLE, servers };
      for (let i = 0; i < servers.length; i += this.across)
        this.rows.push({ top: place.top + (i / this.across) * this.tile, servers: servers.slice(i, i + this.across) });
      top += TITLE + Math.ceil(servers.length / this.across) * this.tile + 10;
      return place;
    });
    return top;
  }

  draw() {
    const height = this.lay();
    if (!this.width) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 2), canvas = this.canvas;
    canvas.width = this.width * ratio;
    canvas.height = Math.max(1, height * ratio);
    canvas.style.height = `${height}px`;
    canvas.setAttribute("aria-label",
      `Map of ${this.servers.length} servers by score. Arrow keys lead from one to the next, Enter opens it. ` +
        "The table below has the same in numbers.");
    const c = canvas.getContext("2d"), colours = palette(), font = getComputedStyle(this.element).fontFamily;
    c.scale(ratio, ratio);
    c.textBaseline = "middle";
    for (const place of this.places) {
      c.font = `600 13px ${font}`;
      c.textAlign = "left";
      c.fillStyle = colours.text;
      c.fillText(place.kind, 0, place.top - 12);
      const x = c.measureText(place.kind).width + 8;
      c.font = `13px ${font}`;
      c.fillStyle = colours.muted;
      c.fillText(String(place.servers.length), x, place.top - 12);
      c.textAlign = "center";
      place.servers.forEach((s, i) => this.drawTile(c, colours, font, s, (i % this.across) * this.tile,
        place.top + Math.floor(i / this.across) * this.tile));
    }
    if (!this.frame.hidden) this.showFrame();
  }

  drawTile(c, colours, font, server, x, y) {
    const size = this.tile - (this.tile > 12 ? 2 : 1), verdict = this.run.verdict(server);
    const tile = tileOf(this.run, server, this.benchmark, this.peers), known = tile && tile.step >= 0;
    const without = verdict === "passed" || verdict === "failed" ? "skipped" : verdict;
    const ended = this.benchmark < 0 ? verdict : tile?.verdict ?? without;
    const [ground, text] = known ? colours.steps[tile.step] : [null, colours.muted];
    if (ground) {
      c.fillStyle = ground;
      c.fillRect(x, y, size, size);
    } else {
      c.strokeStyle = colours.waiting;
      c.lineWidth = 1;
      c.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    }
    if (size >= 30) {
      c.fillStyle = text;
      c.font = `11px ${font}`;
      c.fillText(known ? score(tile.value, this.peers || this.run.whole) : "", x + size / 2, y + size * 0.66);
      c.font = `600 11px ${font}`;
      c.fillText(ended === "passed" ? "" : LETTERS[ended], x + size / 2, y + size * 0.28);
    } else if (ended === "failed" || (ended === "error" && size >= 12)) {
      if (size >= 12) {
        c.fillStyle = known ? text : colours.error;
        c.font = `700 ${Math.min(13, size - 3)}px ${font}`;
        c.fillText(LETTERS[ended], x + size / 2, y + size / 2 + 0.5);
      } else {
        c.strokeStyle = known ? text : colours.failed;
        c.lineWidth = 1.5;
        c.beginPath();
        c.moveTo(x + 1.5, y + 1.5);
        c.lineTo(x + size - 1.5, y + size - 1.5);
        c.moveTo(x + size - 1.5, y + 1.5);
        c.lineTo(x + 1.5, y + size - 1.5);
        c.stroke();
      }
    } else if (ended === "error") {
      c.strokeStyle = colours.error;
      c.lineWidth = 2;
      c.beginPath();
      c.arc(x + size / 2, y + size / 2, size / 2 - 1.5, 0, 7);
      c.stroke();
    }
  }

  under(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const x = event.clientX - left, y = event.clientY - top;
    const place = this.places.findLast((p) => p.top <= y);
    const column = Math.floor(x / this.tile);
    if (!place || column >= this.across) return null;
    return place.servers[Math.floor((y - place.top) / this.tile) * this.across + column] ?? null;
  }

  hover(event) {
    const server = this.under(event), box = this.element.getBoundingClientRect();
    this.canvas.style.cursor = server ? "pointer" : "";
    this.tip.hidden = !server;
    if (server) this.tell(server, event.clientX - box.left + 14, event.clientY - box.top + this.element.scrollTop + 14);
  }

  // Shows what is known of the server, at a place of the map.
  tell(server, x, y) {
    this.tip.hidden = false;
    const verdict = this.run.verdict(server), reason = this.run.reason(server);
    this.tip.replaceChildren(h("b", {}, server.name), ` ${verdict}${reason ? `, ${reason}` : ""}`,
      ...server.benchmarks.map((b, i) => b && h("div", {}, `${this.run.benchmarks[i]} `,
        b.score === null ? b.verdict : score(b.score, this.run.whole))).filter(Boolean));
    this.tip.style.left = `${Math.min(x, this.element.clientWidth - this.tip.offsetWidth)}px`;
    this.tip.style.top = `${y}px`;
  }

  // ---- by keys ----

  // [column, row] of the server that the keys have led to; null where it is not shown.
  cell() {
    for (let row = 0; row < this.rows.length; row++) {
      const column = this.rows[row].servers.findIndex((s) => s.name === this.at);
      if (column >= 0) return [column, row];
    }
    return null;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.rows.length) return;
    const [column, row] = this.cell() ?? [0, 0], all = this.rows.flatMap((r) => r.servers);
    const here = this.rows[row].servers[column], index = all.indexOf(here);
    const to = {
      ArrowLeft: () => all[index - 1], ArrowRight: () => all[index + 1], Home: () => all[0], End: () => all.at(-1),
      ArrowUp: () => this.inRow(row - 1, column), ArrowDown: () => this.inRow(row + 1, column),
    }[event.key];
    if (event.key === "Enter") this.open(here, true);
    else if (to) this.move(to() ?? here);
    else return;
    event.preventDefault();
  }

  inRow(row, column) {
    const servers = this.rows[row]?.servers;
    return servers?.[Math.min(column, servers.length - 1)];
  }

  move(server) {
    this.at = server.name;
    this.showFrame();
    this.frame.scrollIntoView({ block: "nearest" });
    announce([...this.tip.childNodes].map((e) => e.textContent.trim()).join(", "));
  }

  showFrame() {
    const cell = this.cell();
    this.frame.hidden = !cell;
    if (!cell) return void (this.tip.hidden = true);
    const [column, row] = cell, { top, servers } = this.rows[row], left = column * this.tile;
    Object.assign(this.frame.style,
      { left: `${left}px`, top: `${top}px`, width: `${this.tile}px`, height: `${this.tile}px` });
    this.tell(servers[column], left + this.tile + 4, top + this.tile + 4);
  }

  focusOn(server) {
    this.at = server.name;
    this.canvas.focus({ preventScroll: true });
  }
}
