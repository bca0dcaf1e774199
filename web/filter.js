// Which servers are shown: by verdict, reason, kind, finding and text.
import { h, put, count } from "./dom.js";
import { LETTERS, FINDINGS, has } from "./data.js";

const VERDICTS = ["passed", "failed", "error", "cancelled", "waiting"];

export class Filter {
  constructor(run, changed) {
    Object.assign(this, { run, changed, texts: new WeakMap() });
    this.clear();
    this.build();
  }

  clear() {
    this.verdicts = new Set();
    this.reason = this.kind = this.finding = this.text = "";
  }

  get any() {
    return this.verdicts.size > 0 || this.reason || this.kind || this.finding || this.text.trim();
  }

  // What is looked for in: all that is told of a server in words.
  haystack(server) {
    let text = this.texts.get(server);
    if (text === undefined) {
      text = [server.name, server.kind, server.verdict, server.reason, server.detail,
        ...server.findings.map((f) => f.detail), ...server.why.map((w) => w.detail)].join("\n").toLowerCase();
      this.texts.set(server, text);
    }
    return text;
  }

  servers() {
    const words = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    return this.run.servers.filter((s) => s &&
      (this.verdicts.size === 0 || this.verdicts.has(this.run.verdict(s))) &&
      (!this.reason || this.run.reason(s) === this.reason) &&
      (!this.kind || s.kind === this.kind) &&
      (!this.finding || has(s, this.finding)) &&
      words.every((w) => this.haystack(s).includes(w)));
  }

  // Shows these only: {verdicts, reason, kind, finding, text}; what is not given is not filtered by.
  only({ verdicts = [], reason = "", kind = "", finding = "", text = "" }) {
    Object.assign(this, { verdicts: new Set(verdicts), reason, kind, finding, text });
    this.search.value = text;
    this.update();
    this.changed();
  }

  build() {
    const apply = () => {
      this.update();
      this.changed();
    };
    this.search = h("input", {
      type: "search", id: "search", placeholder: "name, sentence, kind", autocomplete: "off", spellcheck: "false",
      "aria-keyshortcuts": "/", oninput: () => {
        this.text = this.search.value;
        apply();
      },
    });
    this.toggles = new Map(VERDICTS.map((v) => [v, h("button", {
      type: "button", class: `toggle ${v}`, onclick: () => {
        if (!this.verdicts.delete(v)) this.verdicts.add(v);
        apply();
      },
    })]));
    const choose = (field, label) => {
      const select = h("select", { id: `filter-${field}`, onchange: () => {
        this[field] = select.value;
        apply();
      } });
      return [select, h("label", { for: `filter-${field}` }, label)];
    };
    const [reasons, reasonLabel] = choose("reason", "Reason");
    const [kinds, kindLabel] = choose("kind", "Kind");
    const [findings, findingLabel] = choose("finding", "Found");
    Object.assign(this, { reasons, kinds, findings });
    this.reset = h("button", { type: "button", class: "plain", onclick: () => this.only({}) }, "Show all");
    this.element = h("form", {
      class: "filter", role: "search", "aria-label": "Servers", onsubmit: (e) => e.preventDefault(),
    },
      h("div", { class: "field grow" }, h("label", { for: "search" }, "Search ", h("kbd", {}, "/")), this.search),
      h("fieldset", { class: "field" }, h("legend", {}, "Verdict"), [...this.toggles.values()]),
      h("div", { class: "field" }, reasonLabel, reasons),
      h("div", { class: "field" }, kindLabel, kinds),
      h("div", { class: "field" }, findingLabel, findings),
      this.reset);
    this.update();
  }

  // After servers have changed, too.
  update() {
    const tally = { verdict: {}, reason: {}, kind: {}, finding: {} };
    const add = (of, key) => key && (tally[of][key] = (tally[of][key] ?? 0) + 1);
    for (const s of this.run.servers) {
      if (!s) continue;
      add("verdict", this.run.verdict(s));
      add("reason", this.run.reason(s));
      add("kind", s.kind);
      for (const f of Object.keys(FINDINGS)) if (has(s, f)) add("finding", f);
      if (s.flaky) add("finding", "flaky");
    }
    for (const [verdict, button] of this.toggles) {
      const n = tally.verdict[verdict] ?? 0, pressed = this.verdicts.has(verdict);
      button.hidden = n === 0 && !pressed;
      button.setAttribute("aria-pressed", pressed);
      put(button, h("b", {}, LETTERS[verdict]), ` ${verdict} `, h("span", { class: "n" }, count(n)));
    }
    options(this.reasons, "any", Object.entries(tally.reason), this.reason);
    const kinds = this.run.kinds.concat(tally.kind.unknown ? "unknown" : []);
    options(this.kinds, "all", kinds.map((k) => [k, tally.kind[k] ?? 0]), this.kind);
    options(this.findings, "any", Object.entries(tally.finding), this.finding,
      (f) => FINDINGS[f] ?? "flaky: passed, but close");
    for (const select of [this.reasons, this.kinds, this.findings]) select.parentElement.hidden = select.length < 2;
    this.reset.hidden = !this.any;
  }
}

function options(select, all, entries, chosen, words = (x) => x) {
  if (chosen && !entries.some(([key]) => key === chosen)) entries.push([chosen, 0]);
  put(select, h("option", { value: "" }, all),
    entries.map(([key, n]) => h("option", { value: key, selected: key === chosen }, `${words(key)} (${count(n)})`)));
  select.value = chosen;
}
