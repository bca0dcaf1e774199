// A table of any length of which only the rows in sight are made: rows of one height in a box that
// scrolls. It is a real table, with headers that sort, that tells readers of the screen how many
// rows there are and which ones these are. One row's link is in the order of the Tab key at a time;
// arrows, Page Up and Down, Home and End go from row to row.
import { h, put, announce, count, counted } from "./dom.js";

const ROW = 28; // pixels; app.css has the same
const SPARE = 8; // rows made above and below what is seen

export class VirtualTable {
  // columns: {title, class, width, cell(item), key(item) to sort by, first: "down" for the largest
  // first}. `link(item)` is the address that a row opens; the first column's cell is that link.
  constructor({ label, columns, link, what }) {
    Object.assign(this, { columns, link, what, items: [], shown: [], rows: new Map(), at: 0, sort: null });
    this.body = h("tbody");
    this.above = h("tr", { class: "space", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
    this.below = h("tr", { class: "space", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
    this.headers = columns.map((c, i) => this.header(c, i));
    this.table = h("table", { class: "servers", "aria-label": label },
      h("colgroup", {}, columns.map((c) => {
        const col = h("col");
        if (c.width) col.style.width = c.width;
        return col;
      })),
      h("thead", {}, h("tr", { "aria-rowindex": 1 }, this.headers)), this.body);
    this.element = h("div", { class: "scroller", role: "region", "aria-label": label, tabindex: "-1" }, this.table);
    this.element.addEventListener("scroll", () => this.later(), { passive: true });
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-index]");
      if (row && !event.target.closest("a") && !String(getSelection())) location.hash = link(this.shown[row.dataset.index]);
    });
    new ResizeObserver(() => this.later()).observe(this.element);
  }

  header(column, number) {
    const name = column.key
      ? h("button", { type: "button", title: `Sort by ${column.title}`, onclick: () => this.sortBy(number) },
        h("span", { class: "fit" }, column.title))
      : column.title;
    return h("th", { scope: "col", class: column.class, "aria-sort": column.key ? "none" : null }, name);
  }

  // The first time the way that is of use, then the other way, then as it was.
  sortBy(number) {
    const first = this.columns[number].first === "down" ? -1 : 1;
    const before = this.sort?.number === number ? this.sort.way : 0;
    this.sort = before === 0 ? { number, way: first } : before === first ? { number, way: -first } : null;
    this.headers.forEach((th, i) => {
      if (this.columns[i].key)
        th.setAttribute("aria-sort", this.sort?.number !== i ? "none" : this.sort.way > 0 ? "ascending" : "descending");
    });
    this.set(this.items);
    announce(this.sort ? `sorted by ${this.columns[number].title}` : "in the order of the inventory");
  }

  // What has no key is last, either way.
  sorted(items) {
    if (!this.sort) return items;
    const { number, way } = this.sort, key = this.columns[number].key;
    const keyed = items.map((item, i) => ({ item, i, key: key(item) }));
    const none = (k) => k === null || k === undefined || Number.isNaN(k);
    keyed.sort((a, b) =>
      none(a.key) || none(b.key) ? none(a.key) - none(b.key) || a.i - b.i
        : (typeof a.key === "string" ? way * compareNames(a.key, b.key) : way * (a.key - b.key)) || a.i - b.i);
    return keyed.map((k) => k.item);
  }

  // Shows these. Who was on a row stays on it, and where one had scrolled to.
  set(items) {
    const focused = this.focused();
    const top = this.element.scrollTop;
    this.items = items;
    this.shown = this.sorted(items);
    const at = focused ? this.shown.findIndex((s) => s.position === focused.position) : this.at;
    this.at = Math.max(0, Math.min(at, this.shown.length - 1));
    this.table.setAttribute("aria-rowcount", this.shown.length + 1);
    this.rows.clear();
    put(this.body, this.above, this.below);
    this.space(this.above, 0);
    this.space(this.below, this.shown.length);
    this.element.scrollTop = top;
    this.draw();
    if (focused) this.rows.get(this.at)?.querySelector("a").focus({ preventScroll: true });
  }

  later() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
    });
  }

  draw() {
    const height = this.element.clientHeight || 600, top = this.element.scrollTop;
    const first = Math.max(0, Math.min(Math.floor(top / ROW) - SPARE, this.shown.length - 1));
    const last = Math.min(this.shown.length, Math.ceil((top + height) / ROW) + SPARE);
    for (const [index, row] of this.rows)
      if ((index < first || index >= last) && !row.contains(document.activeElement)) {
        row.remove();
        this.rows.delete(index);
      }
    let before = this.above;
    for (let index = first; index < last; index++) {
      let row = this.rows.get(index);
      if (!row) this.rows.set(index, (row = this.row(index)));
      if (before.nextSibling !== row) before.after(row);
      before = row;
    }
    this.space(this.above, first);
    this.space(this.below, this.shown.length - last);
  }

  // A row that has the focus stays, wherever it is: then it stands outside of the spaces.
  space(row, rows) {
    row.hidden = rows <= 0;
    row.firstChild.style.height = `${Math.max(0, rows) * ROW}px`;
  }

  row(index) {
    const item = this.shown[index];
    const cells = this.columns.map((column, i) => {
      const content = column.cell(item);
      if (i === 0)
        return h("th", { scope: "row", class: column.class },
          h("a", { href: this.link(item), tabindex: index === this.at ? 0 : -1 }, content));
      return content instanceof HTMLTableCellElement ? content : h("td", { class: column.class }, content);
    });
    return h("tr", { "data-index": index, "aria-rowindex": index + 2 }, cells);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page, PageUp: this.at - page,
      Home: 0, End: this.shown.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.focus(Math.max(0, Math.min(to, this.shown.length - 1)));
  }

  focus(index) {
    const was = this.rows.get(this.at)?.querySelector("a");
    if (was) was.tabIndex = -1;
    this.at = index;
    const head = this.table.tHead.offsetHeight, top = index * ROW, box = this.element;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW + head > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW + head - box.clientHeight;
    this.draw();
    const link = this.rows.get(index)?.querySelector("a");
    if (!link) return;
    link.tabIndex = 0;
    link.focus({ preventScroll: true });
  }

  // The item whose row has the focus, or null.
  focused() {
    return this.body.contains(document.activeElement) ? this.shown[this.at] : null;
  }

  focusOn(item) {
    const at = this.shown.findIndex((s) => s.position === item.position);
    if (at >= 0) this.focus(at);
  }

  describe(total) {
    return this.items.length === total ? counted(total, this.what)
      : `${counted(this.items.length, this.what)} of ${count(total)}`;
  }
}

// web2 before web10.
const collator = new Intl.Collator("en", { numeric: true });

export function compareNames(a, b) {
  return collator.compare(a, b);
}
