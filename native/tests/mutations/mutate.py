#!/usr/bin/env python3
"""Breaks kernels one way at a time and checks that their tests notice.

    mutate.py --build build/emulator-race [table ...]

A table (<kernel>.toml beside this file) names a test program and its arguments, the translation units to recompile, and the breakages. All breakages of
a table are compiled at once, into copies of the sources: each becomes a branch that the environment variable LSK_MUTANT selects when the tests run, so
that a table costs one compilation and as many runs as it has breakages. The working tree is not touched. Exit code 1: a breakage survived that should
have been noticed, or one was noticed that the table says cannot be.
"""
import argparse
import concurrent.futures
import fcntl
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parent.parent / "src"

MUTANT_HEADER = """#pragma once
#include <cstdlib>
// Not instrumented and not inlined: it must not look like the kernel's own memory access.
__attribute__((noinline, no_sanitize("thread"))) inline bool lsk_is_mutant(int number) {
    static const int chosen = [] {
        const char* text = std::getenv("LSK_MUTANT");
        return text ? std::atoi(text) : 0;
    }();
    return chosen == number;
}
"""


def position(text, mutation):
    """Start of the n-th occurrence of what a mutation replaces."""
    start = -1
    for _ in range(mutation.get("occurrence", 1)):
        start = text.find(mutation["find"], start + 1)
        if start < 0:
            sys.exit(f'{mutation["file"]} no longer holds what "{mutation["name"]}" replaces: {mutation["find"]}')
    return start


def branches(found, mutations):
    """The code with all mutations of one place, chosen at run time."""
    if found.rstrip().endswith((";", "}")):
        chain = "".join(f'if (lsk_is_mutant({m["number"]})) {{ {m["replace"]} }} else ' for m in mutations)
        return f"{chain}{{ {found} }}"
    code = f"({found})"
    for m in mutations:
        code = f'(lsk_is_mutant({m["number"]}) ? ({m["replace"]}) : {code})'
    return code


def write_mutants(table, overlay):
    """Copies the files that mutations change into the overlay, with all of them in place."""
    by_file = {}
    for mutation in table["mutation"]:
        by_file.setdefault(mutation["file"], []).append(mutation)
    for file, mutations in by_file.items():
        text = (SOURCES / file).read_text()
        places = {}
        for mutation in mutations:
            start = position(text, mutation)
            places.setdefault((start, start + len(mutation["find"])), []).append(mutation)
        end_of_next = len(text)
        for (start, end), group in sorted(places.items(), reverse=True):
            if end > end_of_next:
                sys.exit(f'{file}: two mutations overlap at "{group[0]["find"]}"')
            end_of_next = start
            text = text[:start] + branches(text[start:end], group) + text[end:]
        target = overlay / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    (overlay / "mutant.h").write_text(MUTANT_HEADER)


def compile_mutants(table, build, overlay):
    """Compiles the table's sources against the overlay; returns {object in the build: object with the mutants}."""
    commands = {entry["file"]: entry for entry in json.loads((build / "compile_commands.json").read_text())}
    objects = {}
    jobs = []
    for source in table["sources"]:
        entry = commands[str(SOURCES / source)]
        words = shlex.split(entry["command"])
        original = words[words.index("-o") + 1]
        target = overlay / (pathlib.Path(source).name + ".o")
        words[words.index("-o") + 1] = str(target)
        if (overlay / source).exists():
            words[words.index("-c") + 1] = str(overlay / source)
        jobs.append(([words[0], f"-I{overlay}", "-include", str(overlay / "mutant.h"), *words[1:]], entry["directory"]))
        objects[str((pathlib.Path(entry["directory"]) / original).resolve())] = target
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(lambda job: subprocess.run(job[0], cwd=job[1], capture_output=True, text=True), jobs):
            if result.returncode:
                sys.exit(f"the mutants do not compile:\n{result.stderr[-4000:]}")
    return objects


def link(table, build, overlay, objects):
    folder = build / "native" / "tests"
    words = shlex.split((folder / "CMakeFiles" / f'{table["program"]}.dir' / "link.txt").read_text())
    words = [str(objects.get(str((folder / word).resolve()), word)) if word.endswith(".o") else word for word in words]
    program = overlay / table["program"]
    words[words.index("-o") + 1] = str(program)
    subprocess.run(words, cwd=folder, check=True)
    return program


def verdict(result):
    text = result.stdout + result.stderr
    if result.returncode == 0:
        return ""
    if "emu: race:" in text:
        return "race"
    if "AddressSanitizer" in text or "runtime error" in text:
        return "sanitizer"
    if "emu: deadlock" in text:
        return "deadlock"
    if "emu: " in text:
        return "fault"
    return "wrong result" if "test cases:" in text else "crash"


def run(program, table, number):
    environment = dict(os.environ, LSK_MUTANT=str(number), EMU_WATCHDOG="20", ASAN_OPTIONS="detect_leaks=0")
    command = [str(program), *table["arguments"], "--abort-after=1", "--no-skipped-summary"]
    try:
        result = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=120)
    except subprocess.TimeoutExpired:
        return "hang", ""
    message = re.search(r"^emu: .*|values: .*", result.stdout + result.stderr, re.MULTILINE)
    return verdict(result), message.group(0)[:110] if message else ""


def check(name, build):
    started = time.monotonic()
    table = tomllib.loads((HERE / f"{name}.toml").read_text())
    for number, mutation in enumerate(table["mutation"], 1):
        mutation["number"] = number
    with open(build / "mutate.lock", "w") as lock:  # tables run side by side, one build at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["cmake", "--build", str(build), "--target", table["program"]], check=True, stdout=subprocess.DEVNULL)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        overlay = pathlib.Path(folder)
        write_mutants(table, overlay)
        program = link(table, build, overlay, compile_mutants(table, build, overlay))
        control, message = run(program, table, 0)
        if control:
            sys.exit(f"{name}: the tests fail without a breakage ({control}): {message}")
        print(f"{name}: compiled in {time.monotonic() - started:.0f} s")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = pool.map(lambda mutation: run(program, table, mutation["number"]), table["mutation"])
            for mutation, (outcome, message) in zip(table["mutation"], outcomes):
                expected = "survives" not in mutation
                wrong += expected != bool(outcome)
                mark = "" if expected == bool(outcome) else "   <-- WRONG" if expected else "   <-- the table says that this survives"
                print(f'  {outcome or "survived":12} {mutation["name"]}{mark}\n               {message or mutation.get("survives", "")}', flush=True)
    caught = sum("survives" not in mutation for mutation in table["mutation"]) - wrong
    print(f"{name}: {caught} of {len(table['mutation'])} breakages noticed, {wrong} wrong, {time.monotonic() - started:.0f} s")
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", type=pathlib.Path, required=True, help="a configured build folder: race, plain or address")
    arguments.add_argument("tables", nargs="*", help="names of tables; all by default")
    chosen = arguments.parse_args()
    tables = chosen.tables or sorted(path.stem for path in HERE.glob("*.toml"))
    sys.exit(1 if sum(check(name, chosen.build.resolve()) for name in tables) else 0)


if __name__ == "__main__":
    main()
