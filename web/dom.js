// Elements and numbers. Whatever a server sent becomes text nodes and attributes' values here and
// nowhere else: there is no way from a string to markup in this program.

// h("p", { class: "x", onclick: f, hidden: true }, "text", [more], null) makes an element. An
// attribute that is false or null is left out, one that is true has no value.
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

// Puts other children into an element.
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

// The head of a table: titles, or [title, class].
export function heads(titles) {
  return h("thead", {}, h("tr", {}, titles.filter(Boolean).map((t) => {
    const [title, kind] = Array.isArray(t) ? t : [t, null];
    return h("th", { scope: "col", class: kind }, title);
  })));
}

// A cell with a number; `kind` is one more class of it.
export function num(content, kind = "") {
  return h("td", { class: `num ${kind}`.trim() }, content);
}

const grouped = new Intl.NumberFormat("en-US");

export function count(n) {
  return grouped.format(n);
}

// `3 servers`, `1 server`
export function counted(n, one, many = one + "s") {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// Four significant digits, whole numbers as they are: 0.01234, 87.25, 1,234, 12,345,678.
export function number(x) {
  if (x === null || x === undefined || Number.isNaN(x)) return "-";
  const size = Math.abs(x);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return x.toExponential(3);
  if (size >= 1000 || Number.isInteger(x)) return grouped.format(Math.round(x));
  return String(Number(x.toPrecision(4)));
}

export function withUnit(x, unit) {
  return unit ? `${number(x)} ${unit}` : number(x);
}

// Of scores: one decimal, unless all of them are `whole`, or large.
export function score(x, whole = Number.isInteger(x)) {
  if (x === null || x === undefined || Number.isNaN(x)) return "";
  if (x >= 1e5) return `${number(Number((x / 1000).toPrecision(3)))}k`;
  return x >= 1000 || whole ? count(Math.round(x)) : x.toFixed(1);
}

export function signed(percent) {
  return `${percent < 0 ? "−" : "+"}${number(Math.abs(Number(percent.toPrecision(3))))} %`;
}

// 0.31 s, 42 s, 3m 05s, 2h 10m, 3d 4h
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "-";
  if (seconds < 10) return `${Number(seconds.toFixed(2))} s`;
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const s = Math.round(seconds), two = (n) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`;
  return `${count(Math.floor(s / 86400))}d ${Math.floor((s % 86400) / 3600)}h`;
}

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(n) {
  let step = 0;
  while (Math.abs(n) >= 1024 && step < BINARY.length - 1) {
    n /= 1024;
    step++;
  }
  return `${Number(n.toPrecision(4))} ${BINARY[step]}`;
}

// Of RFC 3339, in the reader's time: 2026-11-22 11:13:44.
export function localTime(text) {
  const t = new Date(text);
  if (Number.isNaN(t.getTime())) return String(text);
  const two = (n) => String(n).padStart(2, "0");
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ` +
    `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

// A line for screen readers, of what changed without the focus going there.
export function announce(text) {
  let at = document.getElementById("announcement");
  if (!at) document.body.append((at = h("div", { id: "announcement", role: "status", class: "spoken" })));
  at.textContent = text;
}
