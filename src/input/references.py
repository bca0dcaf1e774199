"""Writes data/references.yaml as an array of C: references.py IN OUT"""

import sys

with open(sys.argv[1], "rb") as f:
    data = f.read()
with open(sys.argv[2], "w", encoding="utf-8") as f:
    f.write("static const unsigned char references_text[] = {\n")
    for i in range(0, len(data), 16):
        f.write("    " + " ".join(f"{b}," for b in data[i : i + 16]) + "\n")
    f.write("};\n")
