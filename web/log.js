// Lines of the log as a table.
import { h, heads, localTime } from "./dom.js";

const HEAD = new Set(["timestamp", "level", "event", "server"]);

function fields(line) {
  return Object.entries(line).filter(([key]) => !HEAD.has(key)).map(([key, value]) => {
    const text = Array.isArray(value) ? value.join(",") : typeof value === "object" ? JSON.stringify(value) : String(value);
    return [h("span", { class: "key" }, key), "=", text, " "];
  });
}

export function logRow(line, { server = true, link = null } = {}) {
  const ms = /\.(\d{3})/.exec(line.timestamp ?? "")?.[1] ?? "000";
  return h("tr", { class: `level-${line.level}` },
    h("td", { class: "time" }, h("time", { datetime: line.timestamp }, `${localTime(line.timestamp)}.${ms}`)),
    h("td", {}, line.level ?? ""),
    server ? h("td", {}, link && line.server !== undefined ? h("a", { href: link(line.server) }, line.server) : line.server) : null,
    h("td", { class: "event" }, line.event ?? ""), h("td", { class: "fields" }, fields(line)));
}

export function logTable(lines, options = {}) {
  return h("div", { class: "wide" }, h("table", { class: "log" },
    heads(["Time", "Level", options.server === false ? null : "Server", "Event", "Fields"]),
    h("tbody", {}, lines.map((line) => logRow(line, options)))));
}
