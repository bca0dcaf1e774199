"""Writes the table of built-in benchmarks from what an agent tells: builtins.py AGENT OUT"""

import json
import subprocess
import sys

agent, out = sys.argv[1:]
table = json.loads(subprocess.run([agent, "--describe"], check=True, capture_output=True).stdout)


def text(s):
    return json.dumps(s, ensure_ascii=True)


with open(out, "w", encoding="utf-8") as f:
    f.write('#include "model/builtin.h"\n\n#include <stddef.h>\n')
    for b in table:
        f.write(f"\nstatic const struct parameter parameters_{b['name']}[] = {{\n")
        for p in b["parameters"]:
            f.write(
                f"    {{{text(p['name'])}, PARAMETER_{p['kind'].upper()}, INT64_C({p['min']}), "
                f"INT64_C({p['max']}),\n     INT64_C({p['default']}), INT64_C({p['quick']}), "
                f"{text(p['about'])}}},\n"
            )
        f.write("    {.name = NULL},\n};\n")
    f.write("\nconst struct builtin builtins[] = {\n")
    for b in table:
        f.write(
            f"    {{{text(b['name'])}, {text(b['about'])}, {b['trials']}, "
            f"{'true' if b['warm_up'] else 'false'}, parameters_{b['name']}}},\n"
        )
    f.write("    {.name = NULL},\n};\n")
