#!/usr/bin/env python3
"""Runs muster-gpu's CUDA kernels without a GPU: gpu_kernels.py PRINT_KERNELS

The PTX is read and computed here, a group of 256 threads in step, and what it leaves in memory is
compared with what gpu.h says. Where ptxas is installed, it must also take the text for the devices
that it knows. Floats are kept as Python's, and must be whole numbers that a float holds exactly.
"""

import re
import shutil
import struct
import subprocess
import sys
import tempfile

THREADS = 256
PATTERN = 0x9E3779B1
MASK = 0xFFFFFFFF
FROM, TO, STATE = 1 << 40, 2 << 40, 3 << 40


class Memory:
    """Three buffers; an access that is not wholly within one is an error."""

    def __init__(self, **sizes):
        self.buffers = {base: bytearray(sizes[name]) for name, base in
                        (("source", FROM), ("to", TO), ("state", STATE))}

    def word(self, address, value=None):
        buffer = self.buffers[address >> 40 << 40]
        at = address & (1 << 40) - 1
        assert at % 4 == 0 and at + 4 <= len(buffer), f"access at {address:#x}"
        if value is None:
            return struct.unpack_from("<I", buffer, at)[0]
        struct.pack_into("<I", buffer, at, value)

    def words(self, base):
        return struct.unpack(f"<{len(self.buffers[base]) // 4}I", self.buffers[base])


def exact(x):
    assert x == int(x) and abs(x) < 1 << 24, f"{x} is not exact as a float"
    return x


def parse(text):
    """The kernels by name: instructions and labels."""
    kernels = {}
    for name, body in re.findall(r"\.entry (\w+)\([^)]*\)\s*\{\n(.*?ret;)\n\}", text, re.S):
        code, labels = [], {}
        for line in body.split("\n"):
            if line.startswith(".reg"):
                continue
            if line.endswith(":"):
                labels[line[:-1]] = len(code)
                continue
            guard, operation, rest = re.fullmatch(r"(?:@(%\w+) )?([\w.]+) ?(.*);", line).groups()
            code.append((guard, operation, re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\s]+", rest)))
        kernels[name] = (code, labels)
    return kernels


class Group:
    def __init__(self, memory, parameters, number):
        self.memory, self.parameters, self.number = memory, parameters, number
        self.registers = {}

    def value(self, operand):
        """Of each thread."""
        if operand in self.registers:
            return self.registers[operand]
        if operand == "%tid.x":
            return list(range(THREADS))
        if operand in ("%ctaid.x", "%smid"):
            return [self.number if operand == "%ctaid.x" else 5] * THREADS
        if operand.startswith("{"):
            low, high = re.findall(r"%\w+", operand)
            return list(zip(self.value(low), self.value(high)))
        if operand.startswith("0f"):
            return [struct.unpack(">f", bytes.fromhex(operand[2:]))[0]] * THREADS
        return [int(operand, 0)] * THREADS

    def addresses(self, operand):
        base, _, offset = operand[1:-1].partition("+")
        return [a + int(offset or 0) for a in self.value(base)]

    def set(self, operand, values):
        self.registers[operand] = list(values)

    def arithmetic(self, operation, to, sources):
        kind = operation.rsplit(".", 1)[1]
        name = operation.split(".")[0]
        wide = operation.startswith("mul.wide")
        mask = MASK if kind in ("u32", "b32") and not wide else (1 << 64) - 1
        functions = {
            "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
            "mad": lambda a, b, c: a * b + c, "fma": lambda a, b, c: a * b + c,
            "shr": lambda a, b: a >> b, "and": lambda a, b: a & b,
        }
        values = map(functions[name], *map(self.value, sources))
        self.set(to, map(exact, values) if kind == "f32" else (v & mask for v in values))

    def compare(self, operation, to, sources):
        name, *more = operation.split(".")[1:]
        functions = {"ne": lambda a, b: a != b, "neu": lambda a, b: a != b,
                     "eq": lambda a, b: a == b, "lt": lambda a, b: a < b}
        values = map(functions[name], *map(self.value, sources[:2]))
        if more[0] == "or":
            values = (v or w for v, w in zip(list(values), self.value(sources[2])))
        self.set(to, values)

    def access(self, operation, operands, active):
        store = not operation.startswith("ld")
        place, data = operands if store else reversed(operands)
        registers = re.findall(r"%\w+", data) if data.startswith("{") else [data]
        addresses = self.addresses(place)
        assert all(a % (4 * len(registers)) == 0 for a in addresses), "a vector out of its place"
        if not store:
            for i, register in enumerate(registers):
                self.set(register, (self.memory.word(a + 4 * i) for a in addresses))
            return
        for i, values in enumerate(map(self.value, registers)):
            for a, value, on in zip(addresses, values, active):
                if on:
                    old = self.memory.word(a + 4 * i) if operation.startswith("red") else 0
                    self.memory.word(a + 4 * i, (value + old) & MASK)

    def multiply(self, operation, operands):
        """mma.sync, with the fragments where the PTX manual has them: lane 4 g + t of a warp."""
        depth = int(re.search(r"m16n8k(\d+)\.row\.col\.f32\.f16\.f16\.f32", operation).group(1))
        to, a, b, c = (re.findall(r"%\w+", o) for o in operands)
        a, b, c = ([self.value(r) for r in rs] for rs in (a, b, c))
        assert (len(a), len(b), len(c)) == (depth // 4, depth // 8, 4)
        result = [[0] * THREADS for _ in range(4)]
        for warp in range(0, THREADS, 32):
            left = [[0] * depth for _ in range(16)]
            right = [[0] * 8 for _ in range(depth)]
            for lane in range(32):
                g, t = divmod(lane, 4)
                for r, register in enumerate(a):
                    for i in (0, 1):
                        left[g + 8 * (r % 2)][2 * t + 8 * (r // 2) + i] = register[warp + lane][i]
                for r, register in enumerate(b):
                    for i in (0, 1):
                        right[2 * t + 8 * r + i][g] = register[warp + lane][i]
            for lane in range(32):
                g, t = divmod(lane, 4)
                for i in range(4):
                    row, column = g + 8 * (i // 2), 2 * t + i % 2
                    product = sum(left[row][k] * right[k][column] for k in range(depth))
                    result[i][warp + lane] = exact(c[i][warp + lane] + product)
        for register, values in zip(to, result):
            self.set(register, values)

    def step(self, operation, operands, active):
        if operation.startswith("ld.param"):
            value = self.parameters[operands[1][1:-1]]
            if operation.endswith("f32"):
                value = struct.unpack("<f", struct.pack("<I", value))[0]
            self.set(operands[0], [value] * THREADS)
        elif operation.startswith(("ld.global", "st.global", "red.global")):
            self.access(operation, operands, active)
        elif operation.startswith("mma"):
            self.multiply(operation, operands)
        elif operation.startswith(("mov", "cvta")):
            self.set(operands[0], self.value(operands[1]))
        elif operation.startswith("cvt"):
            self.set(operands[0], map(exact, map(float, self.value(operands[1]))))
        elif operation.startswith("setp"):
            self.compare(operation, operands[0], operands[1:])
        else:
            self.arithmetic(operation, operands[0], operands[1:])

    def run(self, code, labels):
        at = 0
        while code[at][1] != "ret":
            guard, operation, operands = code[at]
            active = self.value(guard) if guard else [True] * THREADS
            at += 1
            if operation == "bra":
                assert len(set(active)) == 1, "threads that part"
                at = labels[operands[0]] if active[0] else at
            else:
                self.step(operation, operands, active)


def launch(kernel, memory, groups=1, n=0, key=0):
    for number in range(groups):
        Group(memory, {"from": FROM, "to": TO, "state": STATE, "n": n, "key": key},
              number).run(*kernel)


# ---- what the kernels are to do -----------------------------------------------------------------

CHUNK = 65536
KEY = 0xC0FFEE11


def fills(kernels):
    memory = Memory(source=0, to=2 * CHUNK, state=0)
    launch(kernels["fill"], memory, groups=2, key=KEY)
    expected = tuple((w * PATTERN + KEY) & MASK for w in range(2 * CHUNK // 4))
    assert memory.words(TO) == expected


def copies(kernels):
    memory = Memory(source=2 * CHUNK, to=2 * CHUNK, state=0)
    for w in range(2 * CHUNK // 4):
        memory.word(FROM + 4 * w, w * w & MASK)
    launch(kernels["copy"], memory, groups=2, key=KEY)
    assert memory.words(TO) == tuple((w * w + KEY) & MASK for w in range(2 * CHUNK // 4))


def reads_every_word_once(kernels):
    memory = Memory(source=2 * CHUNK, to=2 * THREADS * 4, state=0)
    words = [(w * 2654435769 ^ w >> 3) & MASK for w in range(2 * CHUNK // 4)]
    for w, word in enumerate(words):
        memory.word(FROM + 4 * w, word)
    launch(kernels["read"], memory, groups=2)
    sums = memory.words(TO)
    assert sum(sums) & MASK == sum(words) & MASK
    for item in (0, 1, 255, 256, 511):
        first = item // 256 * CHUNK // 4 + item % 256 * 4
        mine = (words[first + 1024 * i + j] for i in range(16) for j in range(4))
        assert sums[item] == sum(mine) & MASK, f"item {item}"


def counts(kernel, n, key):
    memory = Memory(source=0, to=0, state=16)
    launch(kernel, memory, groups=2, n=n, key=key)
    assert memory.words(STATE) == (2, 0, 0, 0), memory.words(STATE)


def computes_fp32(kernels):
    counts(kernels["fp32"], 8, 0xBF800000)


def finds_wrong_fp32(kernels):
    """With one step left out, which is what an arithmetic unit that errs once amounts to."""
    code, labels = kernels["fp32"]
    steps = [i for i, (_, operation, _) in enumerate(code) if operation == "fma.rn.f32"]
    for left_out in (steps[1], steps[40], steps[-1]):
        short = [c if i != left_out else (None, "mov.f32", ["%unused", "%minus"])
                 for i, c in enumerate(code)]
        memory = Memory(source=0, to=0, state=16)
        launch((short, labels), memory, n=4, key=0xBF800000)
        assert memory.words(STATE) == (1, THREADS, 6, 0), memory.words(STATE)


def computes_matrix_products(kernels):
    counts(kernels["matrix"], 4, 0)


def finds_wrong_matrix_products(kernels):
    code, labels = kernels["matrix"]
    products = [i for i, (_, operation, _) in enumerate(code) if operation.startswith("mma")]
    for left_out in (products[0], products[-1]):
        short = [c if i != left_out else (None, "mov.f32", ["%unused", "%u"])
                 for i, c in enumerate(code)]
        memory = Memory(source=0, to=0, state=16)
        launch((short, labels), memory, n=2, key=0)
        assert memory.words(STATE) == (1, THREADS, 6, 0), memory.words(STATE)


def assemble(texts, ptxas):
    taken = 0
    for name, least in (("base", 50), ("matrix8", 75), ("matrix16", 80)):
        for target in (50, 60, 70, 75, 80, 86, 89, 90, 100, 120):
            if target < least:
                continue
            with tempfile.NamedTemporaryFile("w", suffix=".ptx") as f:
                f.write(texts[name])
                f.flush()
                done = subprocess.run([ptxas, f"-arch=sm_{target}", f.name, "-o", "/dev/null"],
                                      capture_output=True, text=True)
            unknown = f"'sm_{target}' is not" in done.stderr or "gpu-name" in done.stderr
            assert done.returncode == 0 or unknown, f"sm_{target}, {name}: {done.stderr}"
            taken += done.returncode == 0
    assert taken > 0, "ptxas took none"


def main():
    texts = {name: subprocess.run([sys.argv[1], name], check=True, capture_output=True,
                                  text=True).stdout for name in ("base", "matrix8", "matrix16")}
    base, matrix8, matrix16 = (parse(texts[name]) for name in ("base", "matrix8", "matrix16"))
    ptxas = shutil.which("ptxas")
    tests = [(f, base) for f in (fills, copies, reads_every_word_once, computes_fp32,
                                 finds_wrong_fp32)]
    tests += [(f, m) for m in (matrix8, matrix16)
              for f in (computes_matrix_products, finds_wrong_matrix_products)]
    print(f"1..{len(tests) + 1}")
    failed = 0
    for i, (test, kernels) in enumerate(tests, 1):
        try:
            test(kernels)
            print(f"ok {i} {test.__name__}")
        except AssertionError as e:
            print(f"not ok {i} {test.__name__}\n# {e!r}")
            failed = 1
    if not ptxas:
        print(f"ok {len(tests) + 1} ptxas takes the kernels # skip no ptxas here")
        return failed
    try:
        assemble(texts, ptxas)
        print(f"ok {len(tests) + 1} ptxas takes the kernels")
    except AssertionError as e:
        print(f"not ok {len(tests) + 1} ptxas takes the kernels\n# {e}")
        failed = 1
    return failed


sys.exit(main())
