"""Writes the table of agents that src/bench/image.c embeds: embed.py OUT ARCH... FILE..."""

import hashlib
import os
import sys

out = sys.argv[1]
rest = sys.argv[2:]
arches, files = rest[: len(rest) // 2], rest[len(rest) // 2 :]

with open(out, "w", encoding="utf-8") as f:
    for arch, name in zip(arches, files):
        with open(name, "rb") as agent:
            data = agent.read()
        path = os.path.abspath(name).replace("\\", "\\\\").replace('"', '\\"')
        f.write(f'AGENT({arch}, "{path}", {len(data)},\n')
        f.write(f'      "{hashlib.sha256(data).hexdigest()}")\n')
