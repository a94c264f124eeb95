#!/usr/bin/env python3
"""Runs LongSeqKernels' managed backend and its peers in turn, on the same inputs, on this machine, and writes what it measured.

Every case is set up in every worker, then timed in rounds, one worker after the other; a round waits (bounded) for a quiet moment and drops its
first call. One-thread cases are timed by CPU time (a preempted process does not count), two-thread cases by wall time; the figure is the lower
quartile over all rounds. Trust ratios, not times: the machine may be shared. The peers come from setup-debian.sh.
"""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time

from cases import all_cases, flops, history_bytes

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(HERE, "../LongSeqKernels.Benchmarks/bin/Release/net10.0/LongSeqKernels.Benchmarks.dll")


class Worker:
    def __init__(self, command, threads):
        # Its stderr is dropped: some peers print thousands of lines of warnings when they are loaded.
        pin = ["taskset", "-c", "1"] if threads == 1 else []
        self.process = subprocess.Popen(pin + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().strip() or "err died"
        except BrokenPipeError:
            return "err died"

    def close(self):
        self.process.kill()
        self.process.wait()


def commands(peers, threads):
    inside = ["chroot", peers, "env", f"OMP_NUM_THREADS={threads}"] if peers else ["env"]
    # PyTorch's attention parallelises itself around a single-threaded BLAS; its linear layers need BLAS threads. OpenBLAS takes its
    # AVX-512 kernels on this family of processors only when told to: the peer gets its best form.
    torch = inside + ["OPENBLAS_CORETYPE=SKYLAKEX", "python3", "/opt/workers/torch_worker.py"]
    return {
        "ours": ["dotnet", OURS, "worker"],
        "torch rows": inside + ["OPENBLAS_NUM_THREADS=1"] + torch[len(inside):],
        "torch heads": inside + ["OPENBLAS_NUM_THREADS=1"] + torch[len(inside):],
        "torch blas": inside + [f"OPENBLAS_NUM_THREADS={threads}"] + torch[len(inside):],
        "onnxruntime": inside + ["python3", "/opt/workers/onnxruntime_worker.py"],
        "onednn": inside + ["/opt/workers/onednn_worker"],
    }


def labels_of(case):
    labels = ["ours"]
    for peer in case["against"]:
        if peer != "torch":
            labels.append(peer)
        elif case["op"] in ("ffn", "linear", "cross-backward"):
            labels.append("torch blas")
        elif case["op"] == "shared":
            labels.append("torch rows")
        else:
            labels += ["torch rows", "torch heads"]
    return labels


def busy():
    fields = list(map(int, open("/proc/stat").readline().split()[1:9]))
    return sum(fields) - fields[3] - fields[4], sum(fields)


def wait_for_quiet(seconds):
    end = time.time() + seconds
    while time.time() < end:
        before, total_before = busy()
        time.sleep(0.04)
        after, total_after = busy()
        if total_after > total_before and (after - before) / (total_after - total_before) <= 0.15:
            return


def measure(case, peers, rounds, budget, quiet):
    threads = case["threads"]
    words = " ".join(f"{key}={case[key]}" for key in ("op", "dtype", "targets", "heads", "width", "length", "hidden", "threads") if key in case)
    workers, times, checks, errors = {}, {}, {}, {}
    available = commands(peers, threads)
    for label in labels_of(case):
        worker = Worker(available[label], threads)
        layout = " layout=heads" if label == "torch heads" else ""
        answer = worker.ask("setup " + words + layout)
        if answer != "ok":
            errors[label] = answer
            worker.close()
            continue
        workers[label], times[label], checks[label] = worker, [], worker.ask("check")
    counts = {}
    for label, worker in workers.items():
        once = float(worker.ask("go 1").split()[0].split(",")[0])
        counts[label] = max(1, min(60, int(budget / rounds / max(once, 1e-6))))
    for _ in range(rounds):
        for label, worker in workers.items():
            wait_for_quiet(quiet)
            for pair in worker.ask(f"go {counts[label] + 1}").split()[1:]:
                wall, cpu = map(float, pair.split(","))
                times[label].append(cpu if threads == 1 else wall)
    for worker in workers.values():
        worker.close()
    return {label: sorted(values)[len(values) // 4] for label, values in times.items()}, checks, errors


def agree(checks, dtype):
    numbers = [[float(x) for x in text.split()] for text in checks.values()]
    tolerance = 1e-3 if dtype == "fp32" else 5e-2
    scale = max(1e-12, max(abs(x) for x in numbers[0][1:]))
    return all(abs(a - b) <= tolerance * max(scale, abs(a)) for other in numbers[1:] for a, b in zip(numbers[0], other))


def row_of(case, times, errors, checks):
    ours = times.get("ours")
    rivals = {label: value for label, value in times.items() if label != "ours"}
    best = min(rivals, key=rivals.get) if rivals else None
    return {
        "case": case,
        "seconds": times,
        "errors": errors,
        "agree": agree(checks, case["dtype"]),
        "gflops": flops(case) / ours / 1e9 if ours else None,
        "gbytes": history_bytes(case) / ours / 1e9 if ours else None,
        "best_peer": best,
        "ratio": rivals[best] / ours if ours and best else None,
    }


def markdown(machine, rows):
    lines = [
        f"Measured {machine['date']} on {machine['cpu']}, {machine['cores']} cores, commit {machine['commit']}; ratio = best peer's time / ours, same run, same inputs.",
        "",
        "| case | shape | threads | ours | GFLOP/s | GB/s | best peer | its time | ratio | bar |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        case = row["case"]
        shape = ", ".join(f"{short}={case[key]:,}" for short, key in (("T", "targets"), ("H", "heads"), ("d", "width"), ("r·d", "hidden"), ("L", "length")) if key in case)
        ours, best = row["seconds"].get("ours"), row["best_peer"]
        cells = [case["name"], f"{shape}, {case['dtype']}", case["threads"]]
        cells += [f"{ours * 1e3:.3f} ms", f"{row['gflops']:.0f}", f"{row['gbytes']:.1f}"] if ours else ["failed", "", ""]
        cells += [best, f"{row['seconds'][best] * 1e3:.3f} ms", f"{row['ratio']:.2f}"] if ours and best else ["none ran", "", ""]
        cells += [f"{case['bar']:.1f}" if case["bar"] else ""]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def machine_of():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run(["git", "-C", HERE, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": model,
        "cores": os.cpu_count(),
        "commit": (commit or "unknown") + ("+changes" if changed else ""),
        "system": platform.platform(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=os.environ.get("PEERS", "/tmp/peers"), help="folder made by setup-debian.sh (default: $PEERS or /tmp/peers)")
    parser.add_argument("--only", default="", help="run only the cases whose name contains this text")
    parser.add_argument("--rounds", type=int, default=5, help="rounds per case (default 5)")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds of calls per worker and case (default 1)")
    parser.add_argument("--quiet", type=float, default=0.3, help="longest wait for an idle moment before a round, seconds (default 0.3)")
    parser.add_argument("--out", help="write <out>.json and <out>.md")
    options = parser.parse_args()
    if not os.path.exists(OURS):
        sys.exit("The benchmarks are not built: dotnet build bench/LongSeqKernels.Benchmarks -c Release")
    if not os.path.isdir(options.peers):
        sys.exit(f"No peers in {options.peers}: run setup-debian.sh, or name its folder with --peers")
    machine, rows = machine_of(), []
    for case in all_cases():
        if options.only not in case["name"]:
            continue
        times, checks, errors = measure(case, options.peers, options.rounds, options.budget, options.quiet)
        rows.append(row_of(case, times, errors, checks))
        print(markdown(machine, rows[-1:]).splitlines()[-1], "" if rows[-1]["agree"] else "RESULTS DIFFER", errors or "", flush=True)
    if options.out:
        with open(options.out + ".json", "w") as file:
            json.dump({"machine": machine, "rows": rows}, file, indent=1)
        with open(options.out + ".md", "w") as file:
            file.write(markdown(machine, rows))


main()
