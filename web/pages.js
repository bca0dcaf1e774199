// The pages of muster serve: the address tells which.
import { h, put } from "./dom.js";
import { ServeSource, fetchJson } from "./data.js";
import { Report } from "./report.js";
import { Live } from "./live.js";
import { RunsPage, runAddress } from "./runs.js";
import { historyPage } from "./history.js";
import { comparePage } from "./compare.js";
import { LogPage } from "./logpage.js";

const home = () => put(document.getElementById("where"), h("a", { href: "/" }, "All runs"));

// What the list of runs has of one: its own document has all its servers.
async function findRun(id) {
  const runs = await fetchJson("/api/runs");
  const run = id === "last" ? runs[0] : runs.find((r) => r.run === id);
  if (!run) throw new Error(`there is no run ${id}`);
  return run;
}

async function runPage(main, id, shown) {
  const source = new ServeSource(id);
  const report = new Report(main, source, await source.overview(), {
    home: true, history: (server) => `/history/${encodeURIComponent(server.name)}`,
  });
  source.id = report.run.run.run; // `last` may be another one by and by
  shown(report);
  if (report.run.live) new Live(report, source);
}

async function show(main, [what, id, part, name], shown) {
  home();
  if (what === "") new RunsPage(main, ...await Promise.all([fetchJson("/api/runs"), fetchJson("/api/workers")]));
  else if (what === "runs" && part === "servers") location.replace(`${runAddress(id)}#server=${encodeURIComponent(name)}`);
  else if (what === "runs" && part === "log") new LogPage(main, await findRun(id));
  else if (what === "runs") await runPage(main, id, shown);
  else if (what === "history") historyPage(main, await fetchJson(`/api/history/${encodeURIComponent(id)}`));
  else if (what === "compare") {
    const asked = new URLSearchParams(location.search);
    const both = new URLSearchParams({ from: asked.get("from") ?? "", to: asked.get("to") ?? "" });
    const [comparison, runs] = await Promise.all([fetchJson(`/api/compare?${both}`), fetchJson("/api/runs")]);
    comparePage(main, comparison, runs);
  }
}

export async function servePage(main, shown) {
  put(main, h("p", { class: "muted" }, "Reading ..."));
  try {
    await show(main, location.pathname.slice(1).split("/").map(decodeURIComponent), shown);
  } catch (error) {
    put(main, h("h1", { class: "page" }, "This page cannot be shown"), h("p", { role: "alert" }, error.message));
  }
}
