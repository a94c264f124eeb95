#!/usr/bin/env python3
"""Runs benchmarks and keeps what they said, with machine, date, commit and load, as bench/results/<date>-<name>.md.

    record.py host-overhead "What the managed API costs" -- --filter '*HostOverhead*'
    record.py accuracy "Errors by history length" -- accuracy

What follows -- goes to bench/LongSeqKernels.Benchmarks: a filter of BenchmarkDotNet, or one of its commands accuracy and formulations. Tables of suites are kept as BenchmarkDotNet wrote them.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "peers"))

import workers  # noqa: E402


def tables(arguments):
    """What the benchmarks said, as Markdown."""
    command = workers.ours()[:2] + arguments
    if arguments[0] in ("accuracy", "formulations"):
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        return result.stdout if result.returncode == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run([*command, "--artifacts", folder]).returncode != 0:
            return None
        reports = sorted(glob.glob(os.path.join(folder, "results/*-report-github.md")))
        return "\n\n".join(read(report) for report in reports) or None


def read(path):
    with open(path) as file:
        return f"## {os.path.basename(path).removesuffix('-report-github.md').rsplit('.', 1)[-1]}\n\n{file.read().strip()}"


def main():
    if "--" not in sys.argv:
        sys.exit("record.py needs -- and what to run after it; see record.py --help" if not {"-h", "--help"} & set(sys.argv) else __doc__)
    split = sys.argv.index("--")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("title")
    parser.add_argument("--note", default="", help="a sentence for the file: what was special about this run")
    options, run = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1:]
    if not run:
        sys.exit("Nothing to run follows --: a filter of BenchmarkDotNet, accuracy or formulations.")
    workers.require_built()
    machine = workers.machine()
    text = tables(run)
    if text is None:
        sys.exit("The benchmarks failed or wrote no table: nothing is kept.")
    load = f"load average {machine['load_before']} before and {os.getloadavg()[0]:.2f} after"
    head = f"# {options.title}\n\nMeasured {machine['date']} on {machine['cpu']}, {machine['cores']} cores, commit {machine['commit']}; {load}. {options.note}".rstrip()
    path = os.path.join(HERE, "results", f"{machine['date']}-{options.name}.md")
    with open(path, "w") as file:
        file.write(f"{head}\n\n    {' '.join(run)}\n\n{text.strip()}\n")
    print(path)


if __name__ == "__main__":
    main()
