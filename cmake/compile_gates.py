#!/usr/bin/env python3
"""Gates on what nvcc made of every kernel: no stack, no local memory, no more registers than the table allows, the tensor-core and shared-memory
matrix loads that the design counted. Needs cuobjdump (of the CUDA toolkit) and no GPU.

Usage: compile_gates.py LIBRARY --table cmake/kernel_resources.tsv [--cuobjdump PATH] [--update]
The table has one line per kernel and architecture: registers (a ceiling), static shared memory (a ceiling), and exact instruction counts.
--update rewrites it from the library; read the difference before committing it.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

COLUMNS = ("kernel", "arch", "registers", "shared", "HMMA", "HGMMA", "LDSM")
CEILINGS = ("registers", "shared")
COUNTS = ("HMMA", "HGMMA", "LDSM")
LOCAL = ("LDL", "STL")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compile gates: {' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def demangled(names):
    text = subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: shortened(line) for name, line in zip(names, text)}


def shortened(signature):
    """`void lsk::thin::kernel<lsk::bf16, 64>(lsk::Params)` becomes `thin::kernel<bf16, 64>`: the parameters say nothing, the templates do."""
    depth, end = 0, len(signature)
    for i, character in enumerate(signature):
        depth += (character == "<") - (character == ">")
        if character == "(" and depth == 0:
            end = i
            break
    return signature[:end].removeprefix("void ").replace("lsk::", "").replace("(anonymous namespace)::", "")


def usage(cuobjdump, library):
    """(mangled name, arch) -> resources as ptxas counted them."""
    found, arch, name = {}, "", ""
    for line in run(cuobjdump, "-res-usage", library).splitlines():
        if match := re.match(r"arch = (sm_\w+)", line):
            arch = match[1]
        elif match := re.match(r"\s*Function (\S+):", line):
            name = match[1]
        elif match := re.match(r"\s*REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", line):
            found[name, arch] = dict(zip(("registers", "stack", "shared", "local"), map(int, match.groups())))
    return found


def instructions(cuobjdump, library, arch):
    """(mangled name, arch) -> how often each of COUNTS and LOCAL stands in the code. Its text is 200 MB: grep leaves the lines that matter."""
    found, name = collections.defaultdict(collections.Counter), ""
    with subprocess.Popen([cuobjdump, "-arch", arch, "-sass", library], stdout=subprocess.PIPE) as listing:
        wanted = "|".join(("Function : ", *(f"[ ]{count}[. ]" for count in (*COUNTS, *LOCAL))))
        lines = subprocess.run(["grep", "-E", wanted], stdin=listing.stdout, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    if listing.returncode:
        sys.exit(f"compile gates: {cuobjdump} -arch {arch} -sass {library} failed.")
    for line in lines.splitlines():
        if match := re.match(r"\s*Function : (\S+)", line):
            name = match[1]
        elif match := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9]+)", line):
            found[name, arch][match[1]] += 1
    return found


def measured(cuobjdump, library):
    resources = usage(cuobjdump, library)
    names = demangled(sorted({name for name, _ in resources}))
    counted = collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(lambda arch: instructions(cuobjdump, library, arch), sorted({arch for _, arch in resources})):
            counted.update(counts)
    rows, failures = {}, []
    for (name, arch), use in resources.items():
        kernel, code = names[name], counted[name, arch]
        for kind in ("stack", "local"):
            if use[kind]:
                failures.append(f"{kernel} [{arch}] uses {use[kind]} bytes of {kind} memory")
        if spills := sum(code[access] for access in LOCAL):
            failures.append(f"{kernel} [{arch}] has {spills} local loads and stores")
        rows[kernel, arch] = {"registers": use["registers"], "shared": use["shared"], **{count: code[count] for count in COUNTS}}
    return rows, failures


def read(table):
    rows = {}
    for line in table.read_text().splitlines():
        if line.startswith("#") or line == "\t".join(COLUMNS):
            continue
        kernel, arch, *numbers = line.split("\t")
        rows[kernel, arch] = dict(zip(COLUMNS[2:], map(int, numbers)))
    return rows


def write(table, rows):
    lines = ["# What every kernel may use, per architecture: ceilings of registers and static shared memory, exact counts of instructions.", "\t".join(COLUMNS)]
    lines += ["\t".join(map(str, (*key, *(row[column] for column in COLUMNS[2:])))) for key, row in sorted(rows.items())]
    table.write_text("\n".join(lines) + "\n")


def compare(rows, expected):
    for key in sorted(expected.keys() - rows.keys()):
        yield f"{key[0]} [{key[1]}] is in the table but not in the library"
    for key, row in sorted(rows.items()):
        if key not in expected:
            yield f"{key[0]} [{key[1]}] is not in the table"
            continue
        for column in CEILINGS:
            if row[column] > expected[key][column]:
                yield f"{key[0]} [{key[1]}]: {column} {row[column]}, at most {expected[key][column]}"
        for column in COUNTS:
            if row[column] != expected[key][column]:
                yield f"{key[0]} [{key[1]}]: {row[column]} {column}, expected {expected[key][column]}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("library")
    arguments.add_argument("--table", type=pathlib.Path, required=True)
    arguments.add_argument("--cuobjdump", default="cuobjdump")
    arguments.add_argument("--update", action="store_true")
    options = arguments.parse_args()
    if not shutil.which(options.cuobjdump):
        sys.exit(f"compile gates: there is no program {options.cuobjdump}; it comes with the CUDA toolkit, and --cuobjdump names it.")
    rows, failures = measured(options.cuobjdump, options.library)
    if not rows:
        failures.append(f"{options.library} holds no kernel")
    if options.update:
        write(options.table, rows)
    else:
        failures += compare(rows, read(options.table))
    for failure in failures:
        print(f"compile gate: {failure}", file=sys.stderr)
    print(f"{len(rows)} kernels times architectures, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
