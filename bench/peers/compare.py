#!/usr/bin/env python3
"""Runs LongSeqKernels and its peers in turn, on the same inputs, on this machine, and writes what it measured.

Every case is set up in every worker, then timed in rounds, one worker after the other; a round waits (bounded) for a quiet moment and drops its
first call. One-thread cases are timed by CPU time (a preempted process does not count), others by wall time; the figure is the lower
quartile over all rounds. Trust ratios, not times: the machine may be shared. The peers come from setup-debian.sh.
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys

import workers
from cases import all_cases, names, words_of
from ratios import lower_quartile, ratio
from workers import Quiet, Worker

ROUNDS = 5
NARROWER = (256, 128)


def commands(peers, threads):
    inside = ["chroot", peers, "env", f"OMP_NUM_THREADS={threads}"]
    # PyTorch's attention parallelises itself around a single-threaded BLAS; its products of matrices need BLAS threads. OpenBLAS takes its
    # AVX-512 kernels on this family of processors only when told to, PyTorch large pages likewise (numpy, and with it ONNX Runtime's inputs, has
    # them unasked): the peer gets its best form.
    torch = ["OPENBLAS_CORETYPE=SKYLAKEX", "THP_MEM_ALLOC_ENABLE=1", "python3", "/opt/workers/torch_worker.py"]
    return {
        "ours": workers.ours(),
        **{f"{bits} bits": ["env", f"LONGSEQ_SIMD={bits}", *workers.ours()] for bits in NARROWER},
        "torch rows": [*inside, "OPENBLAS_NUM_THREADS=1", *torch],
        "torch heads": [*inside, "OPENBLAS_NUM_THREADS=1", *torch],
        "torch blas": [*inside, f"OPENBLAS_NUM_THREADS={threads}", *torch],
        "onnxruntime": [*inside, "python3", "/opt/workers/onnxruntime_worker.py"],
        "onednn": [*inside, "/opt/workers/onednn_worker"],
    }


def labels_of(case, widths):
    if widths:
        return ["ours", *(f"{bits} bits" for bits in NARROWER)]
    labels = ["ours"]
    for peer in case["against"]:
        if peer != "torch":
            labels.append(peer)
        elif case["op"] in ("cross-attention", "summary-pooling") and case["direction"] == "forward":
            labels += ["torch rows", "torch heads"]
        elif case["op"] in ("shared-history", "encoded-history"):
            labels += ["torch rows"]
        else:
            labels.append("torch blas")
    return labels


class Contenders:
    """The worker processes, each started once for a number of threads: loading PyTorch takes longer than most cases."""

    def __init__(self, peers):
        self.peers, self.started = peers, {}

    def __getitem__(self, key):
        if key not in self.started:
            label, threads = key
            self.started[key] = Worker(commands(self.peers, threads)[label], threads)
        return self.started[key]

    def drop(self, key):
        self.started.pop(key).close()

    def close(self):
        for key in list(self.started):
            self.drop(key)


def measure(case, contenders, labels, budget, quiet):
    """The row of a case that these contenders ran."""
    threads = case["threads"]
    ready, checks, errors = {}, {}, {}
    for label in labels:
        worker = contenders[label, threads]
        answer = worker.ask("setup " + words_of(case) + (" layout=heads" if label == "torch heads" else ""))
        if answer == "ok":
            ready[label], checks[label] = worker, worker.ask("check")
        else:
            errors[label] = answer
            if answer == "err died":
                contenders.drop((label, threads))
    counts = {label: workers.runs_in(worker, budget / ROUNDS, threads) for label, worker in ready.items()}
    rounds = {label: [] for label in ready}
    for _ in range(ROUNDS):
        for label, worker in ready.items():
            quiet.wait()
            rounds[label].append(worker.times(counts[label], threads))
    row = {"case": case, "seconds": {label: lower_quartile(sum(times, [])) for label, times in rounds.items()}, "errors": errors, "agree": agree(checks, case["dtype"])}
    if "ours" not in ready:
        return row
    row["work"] = json.loads(ready["ours"].ask("work"))
    peers = [label for label in rounds if label != "ours"]
    if peers:
        row["best_peer"] = min(peers, key=row["seconds"].get)
        row["ratio"], row["ratio_low"], row["ratio_high"] = ratio(rounds[row["best_peer"]], rounds["ours"])
    return row


def agree(checks, dtype):
    numbers = [[float(x) for x in text.split()] for text in checks.values()]
    if not numbers:
        return False
    tolerance = 1e-3 if dtype == "fp32" else 5e-2
    scale = max(1e-12, max(abs(x) for x in numbers[0][1:]))
    return all(abs(a - b) <= tolerance * max(scale, abs(a)) for other in numbers[1:] for a, b in zip(numbers[0], other))


def rooflines(contenders, threads):
    """The roofs with one thread and with all; called before and after, the better of both counts."""
    found = [json.loads(contenders["ours", count].ask(f"roofline {count}")) for count in threads]
    return {str(one["threads"]): one for one in found}


def better(one, other):
    reads = [max(pair, key=lambda read: read["bytes_per_second"]) for pair in zip(one["reads"], other["reads"])]
    return {**one, "flops_per_second": max(one["flops_per_second"], other["flops_per_second"]), "reads": reads}


def line_of(row):
    case, ours, best = row["case"], row["seconds"].get("ours"), row.get("best_peer")
    shape = row["work"]["shape"] if "work" in row else words_of(case)
    text = f"{case['name']}, {shape}, {case['dtype']}, {case['threads']} threads: " + (f"{ours * 1e3:.3f} ms" if ours else "failed")
    if best:
        text += f", {best} {row['seconds'][best] * 1e3:.3f} ms, ratio {row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
    return text + ("" if row["agree"] else ", RESULTS DIFFER") + (f", {row['errors']}" if row["errors"] else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=os.environ.get("PEERS", "/tmp/peers"), help="folder made by setup-debian.sh (default: $PEERS or /tmp/peers)")
    parser.add_argument("--only", default="", help="run only the cases whose name contains this text")
    parser.add_argument("--threads", type=int, help="threads of every contender (default: one per processor); with 1, processor time is taken, which others disturb least")
    parser.add_argument("--widths", action="store_true", help="compare the widest vectors of this machine with 256 bits (AVX2) and 128 instead of with peers")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds of calls per worker and case (default 1)")
    parser.add_argument("--quiet", type=float, default=0.3, help="longest wait for an idle moment before a round, seconds (default 0.3)")
    parser.add_argument("--out", help="write <out>.json, and the report of it: <out>.md, <out>-roofline.svg, <out>-lengths.svg, <out>-ratios.svg")
    options = parser.parse_args()
    workers.require_built()
    if not options.widths and not os.path.isdir(options.peers):
        sys.exit(f"No peers in {options.peers}: run setup-debian.sh, or name its folder with --peers")
    chosen = [case for case in all_cases(options.threads or os.cpu_count()) if options.only in case["name"]]
    if not chosen:
        sys.exit(f"No case has \"{options.only}\" in its name; names are {'; '.join(names())}.")
    for script in [] if options.widths else glob.glob(os.path.join(workers.HERE, "*.py")):
        shutil.copy(script, os.path.join(options.peers, "opt/workers"))
    machine, quiet, contenders, rows = workers.machine(), Quiet(options.quiet), Contenders(options.peers), []
    try:
        threads = sorted({case["threads"] for case in chosen})
        before = rooflines(contenders, threads)
        for case in chosen:
            rows.append(measure(case, contenders, labels_of(case, options.widths), options.budget, quiet))
            print(line_of(rows[-1]), flush=True)
        after = rooflines(contenders, threads)
    finally:
        contenders.close()
    machine |= {"load_after": round(os.getloadavg()[0], 2), "others": round(quiet.others(), 3)}
    document = {"machine": machine, "rooflines": {count: better(before[count], after[count]) for count in before}, "rows": rows}
    if options.out:
        with open(options.out + ".json", "w") as file:
            json.dump(document, file, indent=1)
        sys.exit(subprocess.run([*workers.ours()[:-1], "report", options.out + ".json"]).returncode)


if __name__ == "__main__":
    main()
