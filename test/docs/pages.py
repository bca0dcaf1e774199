"""The commands of a page of Markdown: which there are, and what is said to be done with them.

A fenced block is told by the first word behind its fence:

    console     commands behind `$ `, further lines of one behind `> `, and below each what it prints
    sh          commands
    yaml        a configuration of muster's, if no file is named behind it

Behind that word may stand the name of a file, which the block is then written to, or `norun: ` and the
reason why its commands cannot be run by a test. Code within a sentence that begins with `muster ` or
`./dev ` is a command, too, that is only read.
"""

import re
import shlex
import subprocess

FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*(.*?)\s*$")
INLINE = re.compile(r"(?<!`)`((?:muster|\./dev) [^`]+)`(?!`)")
COMMAND_WORDS = re.compile(r"(?:muster|\./dev) [a-z]")
INDENTED = re.compile(r"^ {4,}(?:\$ |(?:.*[\s;|(])?" + COMMAND_WORDS.pattern + ")")


class Mistake(Exception):
    """What is wrong with a page, and where."""


class Command:
    def __init__(self, line, text, shown=None):
        self.line = line  # of the page
        self.text = text
        self.shown = shown  # the lines below it, or None where the page shows none


class Block:
    def __init__(self, line, info):
        self.line = line
        self.lines = []
        words = info.split(None, 1) + ["", ""]
        self.language = words[0]
        self.reason = self.file = None
        if words[1].startswith("norun"):
            self.reason = words[1][len("norun"):].lstrip(": ").strip()
            if not self.reason:
                raise Mistake(f"line {line}: `norun` stands without its reason: `norun: why not`")
        elif words[1]:
            self.file = words[1]

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    @property
    def runs(self):
        return self.language in ("sh", "console") and self.reason is None and self.file is None

    def commands(self):
        if self.language == "console":
            return console_commands(self)
        return shell_commands(self)


def console_commands(block):
    found = []
    for number, line in enumerate(block.lines, block.line + 1):
        if line.startswith("$ "):
            found.append(Command(number, line[2:], []))
        elif not found:
            raise Mistake(f"line {number}: a console block begins with a command: `$ command`")
        elif line.startswith("> ") and not found[-1].shown:
            found[-1].text += "\n" + line[2:]
        else:
            found[-1].shown.append(line)
    for command in found:
        while command.shown and not command.shown[-1].strip():
            command.shown.pop()
        command.shown = command.shown or None
    return found


def is_whole(text):
    """Whether bash has nothing to add to it: no open quote, loop or here-document."""
    done = subprocess.run(["bash", "-n"], input=text + "\n", capture_output=True, text=True)
    return done.returncode == 0 and not done.stderr and not text.endswith("\\")


def shell_commands(block):
    found = []
    part, begins = "", 0
    for number, line in enumerate(block.lines, block.line + 1):
        if not part and (not line.strip() or line.lstrip().startswith("#")):
            continue
        begins = begins if part else number
        part = f"{part}\n{line}" if part else line
        if is_whole(part):
            found.append(Command(begins, part))
            part = ""
    if part:
        raise Mistake(f"line {begins}: the shell does not understand: {part}")
    return found


def blocks_of(text):
    """The fenced blocks, and the lines that are in none."""
    blocks, prose = [], []
    block = fence = None
    for number, line in enumerate(text.split("\n"), 1):
        mark = FENCE.match(line)
        if block is None and mark:
            indent, fence = mark[1], mark[2]
            block = Block(number, mark[3])
        elif block is not None and mark and mark[2].startswith(fence) and not mark[3]:
            blocks.append(block)
            block = None
        elif block is not None:
            block.lines.append(line[len(indent):] if line.startswith(indent) else line)
        else:
            prose.append((number, line))
    if block is not None:
        raise Mistake(f"line {block.line}: the block does not end")
    return blocks, prose


class Page:
    def __init__(self, path):
        with open(path) as f:
            self.blocks, prose = blocks_of(f.read())
        self.inline = []
        for number, line in prose:
            if INDENTED.match(line):
                raise Mistake(f"line {number}: commands stand in a fenced block, or no test runs them")
            self.inline += [Command(number, text) for text in INLINE.findall(line)]
        for block in self.blocks:
            commandlike = any(re.match(r"\s*\$ |\s*" + COMMAND_WORDS.pattern, x) for x in block.lines)
            if block.language in ("", "text") and not block.file and commandlike:
                raise Mistake(f"line {block.line}: a block of commands begins with ```sh or ```console")


def invocations(text):
    """The words of each call of muster and ./dev in a piece of shell, without redirections."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    calls, call, skip = [], None, False
    for word in lexer:
        if re.fullmatch(r"[();<>|&]+", word):
            skip = "(" not in word and ("<" in word or ">" in word)
            if call is not None and word == "<(":
                call.append("/dev/null")  # the program whose output is a file
            call = call if skip else None
        elif skip:
            skip = False  # the file of a redirection
        elif word in ("muster", "./dev") or (word.endswith("/muster") and "://" not in word):
            call = [word]
            calls.append(call)
        elif call is not None:
            call.append(word)
    return [c for c in calls if len(c) > 1]
