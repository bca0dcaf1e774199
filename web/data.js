// A run as the page works with it, made from overviews (src/report/overview.h), and the two places
// where they come from: blocks of the file itself, or muster serve.

import { count } from "./dom.js";

const LOG_LINES = 2000; // of a server, in a file (src/report/htmldata.c)

export const LETTERS = {
  passed: "P", failed: "F", error: "E", cancelled: "C", skipped: "S", waiting: "w", running: "R",
};

const TO_COME = "waiting"; // of a server of a run in progress, whose turn has not come or is not over

// Whether what has no verdict may yet have one: somebody works on the run, or any worker may.
export function goesOn(run) {
  return run.state === "running" || run.state === "waiting";
}

export class Run {
  constructor(overview) {
    this.run = overview.run;
    this.notes = overview.notes ?? [];
    this.servers = [];
    this.benchmarks = []; // names, in the order in which they were met
    this.metrics = []; // {benchmark, metric, unit, lower, judged}
    this.kinds = [];
    this.metricNumbers = new Map();
    this.byName = new Map();
    this.whole = true; // all scores are
    this.merge(overview);
  }

  // Takes rows in, new ones and others in place of earlier ones. Returns the servers.
  merge(overview) {
    const forms = overview.forms.map((form) => this.readForm(form));
    const taken = overview.rows.map((row) => this.readRow(row, overview, forms));
    for (const server of taken) {
      this.servers[server.position] = server;
      this.byName.set(server.name, server);
    }
    for (const kind of overview.kinds) if (!this.kinds.includes(kind)) this.kinds.push(kind);
    this.kinds.sort();
    this.medians = null;
    this.whole &&= taken.every((s) => s.benchmarks.every((b) => !b || b.score === null || Number.isInteger(b.score)));
    return taken;
  }

  number(list, what) {
    const at = list.indexOf(what);
    return at >= 0 ? at : list.push(what) - 1;
  }

  readForm(form) {
    const benchmark = this.number(this.benchmarks, form.benchmark);
    const metrics = form.metrics.map(([metric, unit, better], i) => {
      const key = JSON.stringify([form.benchmark, metric, unit, better]);
      if (!this.metricNumbers.has(key))
        this.metricNumbers.set(key, this.metrics.push({
          benchmark: form.benchmark, metric, unit, lower: better === "lower", judged: false,
        }) - 1);
      const number = this.metricNumbers.get(key);
      if (i === form.judged) this.metrics[number].judged = true;
      return number;
    });
    return { benchmark, metrics, judged: form.judged };
  }

  readRow(row, overview, forms) {
    const [position, name, verdict, reason, kind, flaky, attempts, seconds, detail, benchmarks] = row;
    const server = {
      position, name, kind: kind === null ? "unknown" : overview.kinds[kind], flaky: flaky === 1, attempts,
      seconds, detail, verdict: overview.verdicts[verdict], reason: overview.reasons[reason],
      findings: row[10] ?? [], why: row[11] ?? [], benchmarks: [], values: new Map(),
    };
    for (const [form, itsVerdict, itsReason, score, criterion, values, itsFlaky] of benchmarks) {
      const { benchmark, metrics, judged } = forms[form];
      const [threshold, reference, source] = overview.criteria[criterion];
      server.benchmarks[benchmark] = {
        verdict: overview.verdicts[itsVerdict], reason: overview.reasons[itsReason], score, threshold,
        reference, source, flaky: itsFlaky === 1, judged: judged === null ? null : metrics[judged],
      };
      for (let i = 0; i < values.length; i++)
        if (values[i] !== null) server.values.set(metrics[i], values[i]);
    }
    return server;
  }

  get live() {
    return goesOn(this.run);
  }

  // How a server stands now.
  verdict(server) {
    return this.live && server.verdict === "cancelled" ? TO_COME : server.verdict;
  }

  reason(server) {
    return this.live && server.verdict === "cancelled" ? null : server.reason;
  }

  // Sorted values of a metric, of a kind.
  sorted(metric, kind) {
    const values = [];
    for (const s of this.servers)
      if (s.kind === kind && s.values.has(metric)) values.push(s.values.get(metric));
    return Float64Array.from(values).sort();
  }

  // The median of what the servers of a kind have in a metric.
  median(metric, kind) {
    this.medians ??= new Map();
    const key = `${metric} ${kind}`;
    if (!this.medians.has(key)) this.medians.set(key, quantile(this.sorted(metric, kind), 0.5));
    return this.medians.get(key);
  }

  // What a server's value is of the median of its kind, in per cent; more is better. NaN: no value.
  againstPeers(server, metric) {
    const value = server.values.get(metric), median = this.median(metric, server.kind);
    if (value === undefined || !(median > 0) || !(value > 0)) return NaN;
    return 100 * (this.metrics[metric].lower ? median / value : value / median);
  }
}

// Hyndman and Fan's type 7.
export function quantile(sorted, p) {
  if (sorted.length === 0) return NaN;
  const at = (sorted.length - 1) * p, low = Math.floor(at), high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

// What a finding is called where there is no room for its sentence.
export const FINDINGS = {
  "outlier": "outlier by its peers",
  "missing-metric": "lacks what its peers have",
  "drift": "slower than itself",
};

export function has(server, finding) {
  return finding === "flaky" ? server.flaky : server.findings.some((f) => f.finding === finding);
}

// ---- a file that carries its data ----

// Blocks of some servers each: JSON that was deflated, in base64.
async function inflate(text) {
  const packed = Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

export class FileSource {
  constructor() {
    this.blocks = [...document.querySelectorAll("script.servers")];
    this.read = new Map(); // the last few that were opened
  }

  overview() {
    return JSON.parse(document.getElementById("overview").textContent);
  }

  async block(number) {
    if (!this.read.has(number)) {
      if (this.read.size > 7) this.read.delete(this.read.keys().next().value);
      this.read.set(number, inflate(this.blocks[number].textContent));
    }
    return this.read.get(number);
  }

  // {server: document of `show --server --json`, log: [objects], rest: of a log that is longer than
  // what is here, words and perhaps an address}
  async server(server) {
    const number = this.blocks.findIndex((b) => Number(b.dataset.last) >= server.position);
    if (number < 0) throw new Error("the file ends before this server: it is not whole");
    const block = await this.block(number);
    const its = block[server.position - Number(this.blocks[number].dataset.first)];
    const cut = its.log.length >= LOG_LINES;
    return { ...its, rest: cut ? { words: `Its last ${count(LOG_LINES)} lines; muster log has all of them.` } : null };
  }
}

// ---- muster serve ----

export async function fetchJson(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (answer.ok) return answer.json();
  let said = "";
  try {
    said = (await answer.json()).error ?? "";
  } catch {
    // an answer that is no JSON has nothing to say
  }
  throw new Error(said || `muster serve answered ${answer.status} ${answer.statusText}`);
}

export function logUrl(run, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return `/api/runs/${encodeURIComponent(run)}/log?${new URLSearchParams(given)}`;
}

// The beginning of a server's log.
async function fetchLog(run, server) {
  const query = new URLSearchParams({ server });
  const answer = await fetch(logUrl(run, { server }));
  if (answer.status === 404) return { log: [], rest: null };
  if (!answer.ok) throw new Error(`muster serve answered ${answer.status} for the log`);
  const more = answer.headers.get("Muster-More") === "1";
  return {
    log: readLines(await answer.text()),
    rest: more ? { words: "All of it", address: `/runs/${encodeURIComponent(run)}/log?${query}` } : null,
  };
}

// JSON lines; one that is cut off is passed over.
export function readLines(text) {
  const lines = [];
  for (const line of text.split("\n")) {
    if (!line) continue;
    try {
      lines.push(JSON.parse(line));
    } catch {
      continue;
    }
  }
  return lines;
}

export class ServeSource {
  constructor(id) {
    this.id = id;
  }

  get path() {
    return `/api/runs/${encodeURIComponent(this.id)}`;
  }

  overview() {
    return fetchJson(`${this.path}/overview`);
  }

  async server(server) {
    const [document, log] = await Promise.all([
      fetchJson(`${this.path}/servers/${encodeURIComponent(server.name)}`),
      fetchLog(this.id, server.name),
    ]);
    return { server: document, ...log };
  }
}
