#!/usr/bin/env python3
"""Holds Kubernetes manifests against what Kubernetes takes: kubernetes_check.py FILE...

Prints a line for each mistake and exits with 1 when there is one. The files are read together.

What fields a kind has, of which types, with which values, and which it must have is in the classes of the
Python client (Debian's python3-kubernetes), which are generated from Kubernetes' OpenAPI document. Then come
rules that no schema has: what is named is there, pods are what the Pod Security Standard `restricted` asks for,
and a worker has more time to end than its --grace.
"""

import re
import sys

import yaml
from kubernetes import client

PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}
UNITS = {"s": 1, "m": 60, "h": 3600}
wrong = []


def complain(where, what):
    wrong.append(f"{where}: {what}")


# ---- the schema --------------------------------------------------------------------------------------


def model_of(document):
    """The class of a kind, if the API of that name has it."""
    group, _, version = document["apiVersion"].rpartition("/")
    api = f"{(group or 'core').split('.')[0].capitalize()}{version.capitalize()}Api"
    kind = re.sub("(?<=[a-z])(?=[A-Z])", "_", document["kind"]).lower()
    verbs = dir(getattr(client, api, None))
    there = f"create_{kind}" in verbs or f"create_namespaced_{kind}" in verbs
    return getattr(client, version.capitalize() + document["kind"]) if there else None


def check_object(value, model, where):
    """What a class is made of, by its own word; the class then says what is missing or not allowed."""
    if not isinstance(value, dict):
        return complain(where, f"is to be an object of the type {model.__name__}")
    names = {json: python for python, json in model.attribute_map.items()}
    found = {}
    for key, inner in value.items():
        if key not in names:
            complain(f"{where}.{key}", f"{model.__name__} has no such field")
        else:
            check(inner, model.openapi_types[names[key]], f"{where}.{key}")
            found[names[key]] = inner
    try:
        model(**found)
    except ValueError as e:
        complain(where, e)


def check(value, type_name, where):
    listed = re.fullmatch(r"list\[(.*)\]", type_name)
    mapped = re.fullmatch(r"dict\(str, (.*)\)", type_name)
    if listed:
        if not isinstance(value, list):
            return complain(where, "is to be a list")
        for i, inner in enumerate(value):
            check(inner, listed[1], f"{where}[{i}]")
    elif mapped:
        if not isinstance(value, dict):
            return complain(where, "is to be a map")
        for key, inner in value.items():
            check(inner, mapped[1], f"{where}.{key}")
    elif type_name in PLAIN:
        if not isinstance(value, PLAIN[type_name]) or (isinstance(value, bool) and type_name != "bool"
                                                       and type_name != "object"):
            complain(where, f"is to be of the type {type_name}, and is {value!r}")
    else:
        check_object(value, getattr(client, type_name), where)


# ---- what no schema has ------------------------------------------------------------------------------


def seconds(duration):
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)([smh])", duration))


def check_names(pod, known, where):
    """Volumes, ports, and the keys of secrets and config maps."""
    volumes = {v["name"]: v for v in pod.get("volumes", [])}
    for name, volume in volumes.items():
        for kind, field in (("Secret", "secretName"), ("ConfigMap", "name")):
            source = volume.get(kind[0].lower() + kind[1:])
            if source is None:
                continue
            if (kind, source[field]) not in known:
                complain(f"{where} volume {name}", f"there is no {kind} {source[field]}")
            else:
                for item in source.get("items", []):
                    if item["key"] not in known[kind, source[field]]:
                        complain(f"{where} volume {name}", f"{source[field]} has no key {item['key']}")
    used = set()
    for c in pod.get("initContainers", []) + pod["containers"]:
        for mount in c.get("volumeMounts", []):
            used.add(mount["name"])
            if mount["name"] not in volumes:
                complain(f"{where} container {c['name']}", f"there is no volume {mount['name']}")
        ports = {p["name"] for p in c.get("ports", [])}
        for probe in ("livenessProbe", "readinessProbe"):
            port = c.get(probe, {}).get("httpGet", {}).get("port")
            if port is not None and port not in ports:
                complain(f"{where} {probe}", f"there is no port {port}")
    for name in volumes.keys() - used:
        complain(where, f"nobody mounts the volume {name}")


def check_restricted(pod, where):
    """The Pod Security Standard `restricted`, and that the file system is read-only and memory is bounded."""
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        complain(where, "runs as root, or without a seccomp profile")
    if pod.get("automountServiceAccountToken") is not False:
        complain(where, "is given a token of the cluster's")
    for c in pod.get("initContainers", []) + pod["containers"]:
        least = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                 "capabilities": {"drop": ["ALL"]}}
        if c.get("securityContext") != least:
            complain(f"{where} container {c['name']}", "may do more than it needs")
        if "memory" not in c.get("resources", {}).get("limits", {}):
            complain(f"{where} container {c['name']}", "has no limit of memory")


def check_grace(pod, where):
    for c in pod["containers"]:
        words = " ".join(c.get("command", []) + c.get("args", []))
        grace = re.search(r"--grace=(\S+)", words)
        if not grace or pod.get("terminationGracePeriodSeconds", 30) < seconds(grace[1]) + 10:
            complain(f"{where} container {c['name']}", "has not 10 s more to end than its --grace")


def check_workload(document, known, where):
    spec = document["spec"]
    labels = spec["template"]["metadata"]["labels"]
    chosen = spec.get("selector", {}).get("matchLabels", {})
    if not chosen.items() <= labels.items():
        complain(where, f"the selector {chosen} does not choose its own pods, {labels}")
    pod = spec["template"]["spec"]
    check_names(pod, known, where)
    check_restricted(pod, where)
    check_grace(pod, where)


def main(paths):
    documents = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            documents += [(path, d) for d in yaml.safe_load_all(f) if d]
    known = {(d["kind"], d["metadata"]["name"]): {**d.get("data", {}), **d.get("stringData", {})}
             for _, d in documents if d["kind"] in ("Secret", "ConfigMap")}
    for path, document in documents:
        where = f"{path}: {document['kind']} {document['metadata']['name']}"
        model = model_of(document)
        if not model:
            complain(where, f"Kubernetes has no {document['apiVersion']} {document['kind']}")
            continue
        before = len(wrong)
        check_object(document, model, where)
        if len(wrong) == before and "template" in document.get("spec", {}):
            check_workload(document, known, where)
    print("\n".join(wrong) if wrong else f"{len(documents)} documents, nothing wrong")
    return 1 if wrong or not documents else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
