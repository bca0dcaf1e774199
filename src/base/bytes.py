"""Writes a file as an array of C, named as OUT is without its suffix: bytes.py IN OUT"""

import os
import sys

with open(sys.argv[1], "rb") as f:
    data = f.read()
name = os.path.splitext(os.path.basename(sys.argv[2]))[0]
with open(sys.argv[2], "w", encoding="utf-8") as f:
    f.write(f"static const unsigned char {name}[] = {{\n")
    for i in range(0, len(data), 16):
        f.write("    " + " ".join(f"{b}," for b in data[i : i + 16]) + "\n")
    f.write("};\n")
