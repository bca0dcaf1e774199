"""Writes what browsers are sent as arrays of C: assets.py OUT PAGE STYLE MODULE...

The modules become one program, app.js: each a function that returns what it exports, in the order in
which they are given. A module may import from those before it, and exports what it declares:

    import { h, put } from "./dom.js";
    export function outcome(run) {

Whatever else a line begins with `import` or `export` is a mistake.
"""

import base64
import hashlib
import os
import re
import sys

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.M)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class) (\w+))", re.M)


def scoped(path, exported):
    """The module as a function's call; what it exports goes into exported[its name]."""
    module = os.path.basename(path).removesuffix(".js")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for names, source in IMPORT.findall(text):
        for name in re.findall(r"\w+", names):
            if name not in exported.get(source, ()):
                sys.exit(f"{path}: {source}.js before it exports no {name}")
    text = IMPORT.sub(r"const {\1} = \2_js;\n", text)
    exported[module] = EXPORT.findall(text)
    text = EXPORT.sub("", text)
    if left := re.search(r"^(import|export)\b.*", text, re.M):
        sys.exit(f"{path}: not understood: {left.group()}")
    names = ", ".join(exported[module])
    return f"const {module}_js = (() => {{\n{text}\nreturn {{ {names} }};\n}})();\n"


def bundle(paths):
    exported = {}
    return ('"use strict";\n' + "\n".join(scoped(p, exported) for p in paths)).encode()


def array(f, name, data):
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    f.write(f'#define {name}_sha256 "{digest}"\nstatic const unsigned char {name}[] = {{\n')
    for i in range(0, len(data), 24):
        f.write("    " + " ".join(f"{b}," for b in data[i : i + 24]) + "\n")
    f.write("    0};\n")


def main(out, page, style, *modules):
    assets = {"app_js": bundle(modules)}
    for name, path in (("page_html", page), ("app_css", style)):
        with open(path, "rb") as f:
            assets[name] = f.read()
    # within a page, these would end the block that they stand in
    for name in ("app_js", "app_css"):
        if re.search(rb"</(script|style)|<!--", assets[name], re.I):
            sys.exit(f"{name}: has what ends a block of HTML")
    with open(out, "w", encoding="utf-8") as f:
        for name, data in assets.items():
            array(f, name, data)


main(*sys.argv[1:])
