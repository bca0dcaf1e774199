"""Writes what browsers are sent as arrays of C: assets.py OUT PAGE STYLE MODULE...

The modules become one program, app.js, in the order in which they are given: each may import what
stands before it, by name alone (`import { h } from "./dom.js";`), so that its imports and the word
`export` can be left out. Whatever else a line begins with `import` or `export` is a mistake, as is a
name of two modules.
"""

import base64
import hashlib
import os
import re
import sys

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+\.js)";\n', re.M)
EXPORT = re.compile(r"^export (?=(?:async )?function |const |let |class )", re.M)
NAMED = re.compile(r"(?:async )?(?:function\*?|const|let|class) (\w+)")
TOP = re.compile("^" + NAMED.pattern, re.M)


def bundle(paths):
    parts, owner, exported = [], {}, {}
    for path in paths:
        module = os.path.basename(path)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for names, source in IMPORT.findall(text):
            for name in re.findall(r"\w+", names):
                if name not in exported.get(source, ()):
                    sys.exit(f"{path}: {source} before it exports no {name}")
        text = IMPORT.sub("", text)
        exported[module] = {NAMED.match(text, m.end()).group(1) for m in EXPORT.finditer(text)}
        text = EXPORT.sub("", text)
        if left := re.search(r"^(import|export)\b.*", text, re.M):
            sys.exit(f"{path}: not understood: {left.group()}")
        for name in TOP.findall(text):
            if name in owner:
                sys.exit(f"{path}: {name} is also a name of {owner[name]}")
            owner[name] = path
        parts.append(f"// {module}\n{text}")
    return ('"use strict";\n' + "\n".join(parts)).encode()


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
