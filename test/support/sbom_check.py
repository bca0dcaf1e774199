"""Holds a bill of materials against the rules of CycloneDX 1.5 that it can break: sbom_check.py FILE...

And against what muster says of itself: it has a licence and a version for each library that a package is
known for, and everything in it is depended on. Prints what is wrong; the exit status is 1 then.
"""

import json
import re
import sys

TOP = {"$schema", "bomFormat", "specVersion", "version", "metadata", "components", "dependencies"}
PART = {"type", "bom-ref", "name", "version", "purl", "description", "licenses", "externalReferences"}
TYPES = {"application", "framework", "library", "container", "platform", "operating-system", "device",
         "device-driver", "firmware", "file", "machine-learning-model", "data"}
PURL = re.compile(r"pkg:(deb/[a-z]+|generic)/[A-Za-z0-9.+_-]+@[A-Za-z0-9._~%+:-]+(\?[a-z]+=[^&]+(&[a-z]+=[^&]+)*)?")
# the ids of SPDX's list that tools/sbom can write
SPDX = re.compile(r"(A?GPL|LGPL)-[23]\.[01]-(only|or-later)|MIT|Zlib|ISC|OpenSSL|Apache-2\.0|BSD-[23]-Clause")
EXCEPTIONS = {"GCC-exception-3.1"}


def licence_mistakes(licences):
    if len([x for x in licences if "expression" in x]) and len(licences) > 1:
        yield "an expression beside other licences"
    for one in licences:
        if set(one) == {"expression"}:
            for term in re.split(" (?:OR|AND) ", one["expression"]):
                id_, _, exception = term.partition(" WITH ")
                if not SPDX.fullmatch(id_) or (exception and exception not in EXCEPTIONS):
                    yield f"the expression {one['expression']!r}"
        elif set(one) != {"license"} or set(one["license"]) not in ({"id"}, {"name"}):
            yield f"the licence {one!r}"
        elif "id" in one["license"] and not SPDX.fullmatch(one["license"]["id"]):
            yield f"the licence's id {one['license']['id']!r}"
        elif not all(one["license"].values()):
            yield "a licence without a name"


def component_mistakes(part):
    who = part.get("bom-ref", part)
    if not {"type", "name", "bom-ref"} <= set(part) or not set(part) <= PART:
        yield f"{who}: the keys {sorted(part)}"
        return
    if part["type"] not in TYPES:
        yield f"{who}: the type {part['type']}"
    if not all(isinstance(part[k], str) and part[k] for k in PART & set(part) - {"licenses", "externalReferences"}):
        yield f"{who}: an empty value"
    if "purl" in part and not PURL.fullmatch(part["purl"]):
        yield f"{who}: the purl"
    if "purl" in part and not {"version", "licenses"} <= set(part):
        yield f"{who}: a package without a version or a licence"
    for mistake in licence_mistakes(part.get("licenses", [])):
        yield f"{who}: {mistake}"
    for link in part.get("externalReferences", []):
        if set(link) != {"type", "url"} or not re.fullmatch(r"https?://\S+", link["url"]):
            yield f"{who}: the reference {link}"


def mistakes(bom):
    if not {"bomFormat", "specVersion", "version"} <= set(bom) or not set(bom) <= TOP:
        yield f"the keys {sorted(bom)}"
        return
    if (bom["bomFormat"], bom["specVersion"], bom["version"]) != ("CycloneDX", "1.5", 1):
        yield "no CycloneDX 1.5"
    subject = bom["metadata"]["component"]
    parts = [subject] + bom["components"]
    for part in parts:
        yield from component_mistakes(part)
    refs = [part["bom-ref"] for part in parts]
    if len(set(refs)) < len(refs):
        yield "a reference twice"
    if [d["ref"] for d in bom["dependencies"]] != refs:
        yield "not everybody's dependencies, in the components' order"
    reached, todo = set(), [refs[0]]
    below = {d["ref"]: d["dependsOn"] for d in bom["dependencies"]}
    while todo:
        ref = todo.pop()
        if ref not in reached:
            reached.add(ref)
            todo += below.get(ref, [])
    if reached != set(refs):
        yield f"depended on by nobody, or not there: {sorted(reached ^ set(refs))}"
    for name, others in below.items():
        if len(set(others)) < len(others):
            yield f"{name} depends on something twice"


bad = False
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as f:
        for mistake in mistakes(json.load(f)):
            print(f"{path}: {mistake}")
            bad = True
sys.exit(1 if bad else 0)
