#!/usr/bin/env python3
"""Asks what a dashboard of Grafana's asks: dashboard_check.py DASHBOARD COMMAND...

COMMAND, with one query more, prints the rows. Variables are filled in as Grafana does: each with the first of
what its own query gives. Macros are Grafana's of PostgreSQL. Prints what is wrong, and ends with 1 then.
"""

import json
import re
import subprocess
import sys

MACROS = {
    r"\$__timeFilter\(([^()]+)\)": r"\1 BETWEEN now() - interval '30 days' AND now()",
    r"\$__timeFrom\(\)": "now() - interval '30 days'",
    r"\$__timeTo\(\)": "now()",
}
PANELS = {"table", "stat", "timeseries", "barchart", "histogram", "bargauge", "gauge"}
MAY_BE_EMPTY = {"Runs in progress", "Workers and leases"}  # where nobody works
WIDTH = 24  # columns of a dashboard
wrong = []


def ask(command, query, values, where):
    for macro, meaning in MACROS.items():
        query = re.sub(macro, meaning, query)
    for name, value in values.items():
        query = re.sub(rf"\$(?:{name}\b|{{{name}}})", lambda _: value, query)
    if left := re.search(r"\$\{?\w+", re.sub(r"\$\$", "", query)):
        wrong.append(f"{where}: {left[0]} is not a variable")
        return []
    done = subprocess.run([*command, query], capture_output=True, text=True)
    if done.returncode:
        wrong.append(f"{where}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def check_places(panels):
    """Every panel has a number of its own, lies within the dashboard, and on no other."""
    if len({p["id"] for p in panels}) != len(panels):
        wrong.append("two panels have one id")
    taken = {}
    for p in panels:
        at = p["gridPos"]
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if cell in taken or cell[0] >= WIDTH:
                wrong.append(f"{p['title']}: lies on {taken.get(cell, 'the edge')}")
                break
            taken[cell] = p["title"]


def check_source(part, where):
    if part.get("datasource") != {"type": "grafana-postgresql-datasource", "uid": "${datasource}"}:
        wrong.append(f"{where}: asks another source than the dashboard's")


def main(path, command):
    with open(path, encoding="utf-8") as f:
        dashboard = json.load(f)
    values, asked = {}, 0
    for v in dashboard["templating"]["list"]:
        if v["type"] == "query":
            check_source(v, v["name"])
            rows = ask(command, v["query"], values, v["name"])
            asked += 1
            if not rows:
                wrong.append(f"{v['name']}: has no value")
            values[v["name"]] = rows[0] if rows else ""
    for panel in dashboard["panels"]:
        if panel["type"] not in PANELS:
            wrong.append(f"{panel['title']}: Grafana's own panels have no {panel['type']}")
        check_source(panel, panel["title"])
        for target in panel["targets"]:
            check_source(target, panel["title"])
            rows = ask(command, target["rawSql"], values, panel["title"])
            asked += 1
            if not rows and panel["title"] not in MAY_BE_EMPTY:
                wrong.append(f"{panel['title']}: no row")
    check_places(dashboard["panels"])
    if wrong:
        print("\n".join(wrong))
        return 1
    print(f"{len(dashboard['panels'])} panels, {len(values)} variables, {asked} queries answered")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
