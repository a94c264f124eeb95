#!/usr/bin/env python3
"""Prints the measured cases as the README's table, or as plain lines for a terminal. A case that no result holds says "not measured yet".

Usage: report.py [--plain] RESULT.json...      results of run.sh; of a case that several hold, the last one named counts
Results of an emulated library prove that everything runs; they hold no time, and leave the table as it is.
"""
import argparse
import json

from cases import all_cases
from summary import OK, group_means

HEADER = "| case | shape | ours | share of the bound | best peer | its time | ratio | bar |"
RULE = "|---|---|---|---|---|---|---|---|"
NOT_MEASURED = "not measured yet"


def measured_rows(documents):
    """Rows by case name, of the documents that hold times."""
    rows = {}
    for document in documents:
        bench = document.get("bench") or {}
        if bench.get("target") != "cuda" or bench.get("tiny"):
            continue
        rows |= {row["name"]: row for row in bench.get("rows", [])}
    return rows


def shape_of(case):
    lengths = "L" if case.lengths == "equal" else "mean L"
    parts = [f"B={case.segments:,}", f"{lengths}={case.length:,}", f"T={case.targets:,}" if case.targets else "", f"H={case.heads}", f"d={case.width}", case.dtype]
    return ", ".join(filter(None, parts + [case.form]))


def time_of(seconds):
    return f"{seconds * 1e6:,.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:,.2f} ms"


def rate_of(row):
    return f"{row['gigabytes_per_second']:,.0f} GB/s" if row["bound"] == "memory" else f"{row['teraflops_per_second']:,.0f} TFLOP/s"


def bars_of(case):
    bars = [f"{ratio:g}" if against == "best" else f"{against} {ratio:g}" for against, ratio in case.bars]
    return ", ".join(bars + ([f"{case.microseconds:g} us"] if case.microseconds else []))


def cells_of(case, row):
    """The cells of a case from "ours" on."""
    if row is None:
        return [NOT_MEASURED, "", "", "", "", bars_of(case)]
    ours = row["contenders"][0]
    if ours["status"] != OK or not ours.get("seconds"):
        return [f"{ours['status']}: {ours['reason']}" if ours.get("reason") else NOT_MEASURED, "", "", "", "", bars_of(case)]
    share = f"{row['share_of_bound']:.0%} ({row['bound']})" if row["share_of_bound"] else ""
    best = next((contender for contender in row["contenders"] if contender["name"] == row["best_peer"]), None)
    against = [best["name"], time_of(best["seconds"]), f"{row['ratio']:.2f}"] if best else ["none ran", "", ""]
    return [f"{time_of(ours['seconds'])}, {rate_of(row)}", share, *against, bars_of(case)]


def by_group(cases):
    groups = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    return [case for group in groups.values() for case in group]


def markdown(documents):
    rows = measured_rows(documents)
    lines = [origin_of(document) for document in documents if measured_rows([document])] or ["No case has been measured on a GPU yet."]
    lines += ["", HEADER, RULE]
    for case in by_group(all_cases()):
        name = case.group + (", backward" if case.direction == "backward" and "backward" not in case.group else "")
        lines.append("| " + " | ".join([name, shape_of(case), *cells_of(case, rows.get(case.name))]) + " |")
    means = group_means(rows.values())
    if means:
        lines += ["", "Geometric means of the ratios: " + "; ".join(f"{group} {mean:.2f} ({count})" for group, count, mean in means) + "."]
    return "\n".join(lines) + "\n"


def origin_of(document):
    machine, build = document.get("machine", {}), document.get("build", {})
    gpu = document["bench"]["device"]["name"]
    return (
        f"Measured {document['date']} on one {gpu}, driver {machine.get('driver', 'unknown')}, commit {build.get('commit', 'unknown')}; "
        "ratio = best peer's time / ours, same run, same inputs."
    )


def plain(documents):
    """Every case with all of its contenders, for reading in a terminal."""
    rows, lines = measured_rows(documents), []
    for case in by_group(all_cases()):
        row = rows.get(case.name)
        lines.append(f"{case.group}: {case.name}")
        for contender in row["contenders"] if row else []:
            what = time_of(contender["seconds"]) if contender.get("seconds") else f"{contender['status']}: {contender.get('reason', '')}"
            lines.append(f"    {contender['name']:<40} {what}")
        if row is None:
            lines.append(f"    {NOT_MEASURED}")
        elif row["ratio"]:
            lines.append(f"    ratio {row['ratio']:.2f}, bar {bars_of(case)}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="*")
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    documents = []
    for path in options.results:
        with open(path) as file:
            documents.append(json.load(file))
    print((plain if options.plain else markdown)(documents), end="")


if __name__ == "__main__":
    main()
