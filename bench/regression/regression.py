#!/usr/bin/env python3
"""Is a commit slower than another? Builds both in worktrees of their own, times the same cases on both in turns on this machine, and says so.

Both commits answer to the same protocol as in bench/peers. A case is timed in launches (fresh processes: where memory happens to lie matters) of rounds; within a round both
are timed one after the other, and who goes first changes from round to round. The figure is the ratio of the lower quartiles, new time over old, with the 95 % interval that
the launches allow. A case whose whole interval lies above 1 + threshold is measured a second time; it counts as slower when that says so too.

Exit code 0: nothing is slower; 1: something is; 2: it could not be found out.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "../.."))
sys.path.insert(0, os.path.join(HERE, "../peers"))

import workers  # noqa: E402
from cases import all_cases, names, words_of  # noqa: E402
from ratios import lower_quartile, ratio  # noqa: E402
from workers import Quiet, Worker  # noqa: E402

LONGEST = 10_000


class Unusable(Exception):
    """What the user can mend: an unknown commit, a build that fails."""


def commit_of(name):
    found = workers.git("rev-parse", "--verify", "--quiet", name + "^{commit}", folder=REPOSITORY)
    if not found:
        raise Unusable(f"{name} is not a commit of {REPOSITORY}.")
    return found


def build(commit, folder):
    """Our worker's command, built from a commit in a worktree; one that an earlier run has built is used again."""
    checkout = os.path.join(folder, commit[:12])
    command = workers.ours(checkout)
    if os.path.exists(command[1]):
        return command
    if not os.path.isdir(checkout):
        os.makedirs(folder, exist_ok=True)
        run(["git", "-C", REPOSITORY, "worktree", "add", "--detach", "--force", checkout, commit], f"git could not check out {commit}")
    print(f"building {commit[:12]}", flush=True)
    run(["dotnet", "build", os.path.join(checkout, "bench/LongSeqKernels.Benchmarks"), "-c", "Release", "--nologo", "-v", "q"], f"{commit[:12]} does not build")
    return command


def run(command, failure):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise Unusable(f"{failure}:\n{(result.stdout + result.stderr).strip()[-2000:]}")


def remove(folder):
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        run(["git", "-C", REPOSITORY, "worktree", "remove", "--force", os.path.join(folder, name)], f"git could not remove {name}")


def cases(options):
    """One case for every line of words, of lengths that take little time."""
    every = all_cases(options.threads or os.cpu_count())
    chosen = {words_of(case): case for case in every if case["length"] <= LONGEST and options.only in case["name"]}
    if not chosen:
        raise Unusable(f"No case has \"{options.only}\" in its name; names are {'; '.join(names())}.")
    return list(chosen.values())


def time_case(case, commands, options, quiet):
    """Launches of seconds of both, [old, new]; or why it was left out."""
    launches = [[], []]
    for _ in range(options.launches):
        pair = [Worker(command, case["threads"]) for command in commands]
        try:
            for name, worker in zip(("old", "new"), pair):
                answer = worker.ask("setup " + words_of(case))
                if answer != "ok":
                    return None, f"the {name} commit says {answer.removeprefix('err ')}"
            count = max(workers.runs_in(worker, options.budget / (options.launches * options.rounds), case["threads"]) for worker in pair)
            times = [[], []]
            for index in range(options.rounds):
                for side in (0, 1) if index % 2 == 0 else (1, 0):
                    quiet.wait()
                    times[side] += pair[side].times(count, case["threads"])
            for side in (0, 1):
                launches[side].append(times[side])
        finally:
            for worker in pair:
                worker.close()
    return launches, None


def judge(launches, threshold):
    """(ratio, low, high, whether it is slower beyond the noise)."""
    value, low, high = ratio(launches[1], launches[0])
    return value, low, high, low > 1 + threshold


def measure(case, commands, options, quiet):
    """The row of a case."""
    row = {"case": case, "measured": 0}
    slower = True
    while slower and row["measured"] < 2:
        launches, reason = time_case(case, commands, options, quiet)
        if reason:
            return row | {"left_out": reason}
        value, low, high, slower = judge(launches, options.threshold)
        old, new = (lower_quartile(sum(side, [])) for side in launches)
        row |= {"measured": row["measured"] + 1, "old": old, "new": new, "ratio": value, "low": low, "high": high, "slower": slower}
    return row


def line_of(row):
    case = row["case"]
    name = f"{case['name']}, {case['length']:,}, {case['dtype']}, {case['threads']} thread{'s' if case['threads'] > 1 else ''}"
    if "left_out" in row:
        return f"{name:<72} left out: {row['left_out']}"
    verdict = "  SLOWER" if row["slower"] else "  faster" if row["high"] < 1 else ""
    return f"{name:<72}{row['old'] * 1e3:>10.3f} ms{row['new'] * 1e3:>10.3f} ms   {row['ratio']:.3f} ({row['low']:.3f} to {row['high']:.3f}){verdict}"


def compare(commands, options):
    """The rows of all cases, each printed when it is there."""
    quiet, rows = Quiet(options.quiet), []
    print(f"{'case':<72}{'old':>13}{'new':>13}   new / old (95 % interval)")
    for case in cases(options):
        rows.append(measure(case, commands, options, quiet))
        print(line_of(rows[-1]), flush=True)
    measured = [row for row in rows if "ratio" in row]
    if not measured:
        raise Unusable("No case ran on both commits.")
    slower = [row for row in measured if row["slower"]]
    print(f"{len(measured)} cases, {len(slower)} slower by more than {options.threshold:.0%} beyond the noise, {len(rows) - len(measured)} left out; "
          f"others used {quiet.others():.0%} of the processors.")
    return rows


def parser():
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("old", help="commit, tag or branch to compare with")
    made.add_argument("new", nargs="?", default="HEAD", help="commit, tag or branch that may be slower (default HEAD; what is not committed is not measured)")
    made.add_argument("--only", default="", help="only cases whose name contains this text")
    made.add_argument("--threads", type=int, help="threads (default: one per processor); with 1, processor time is taken, which others disturb least")
    made.add_argument("--threshold", type=float, default=0.05, help="how much slower is too slow (default 0.05)")
    made.add_argument("--launches", type=int, default=6, help="pairs of fresh processes per case (default 6)")
    made.add_argument("--rounds", type=int, default=2, help="rounds per launch (default 2)")
    made.add_argument("--budget", type=float, default=1.0, help="seconds of calls per commit and case (default 1)")
    made.add_argument("--quiet", type=float, default=0.3, help="longest wait for an idle moment before a measurement, seconds (default 0.3)")
    made.add_argument("--work", default=os.path.join(REPOSITORY, "build/regression"), help="folder for the worktrees (default build/regression)")
    made.add_argument("--keep", action="store_true", help="keep the worktrees for another run")
    made.add_argument("--json", help="write what was measured to this file")
    return made


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        for name in ("launches", "rounds"):
            if getattr(options, name) < 1:
                raise Unusable(f"--{name} is {getattr(options, name)}; it must be 1 or more.")
        cases(options)
        commits = [commit_of(options.old), commit_of(options.new)]
        try:
            rows = compare([build(commit, options.work) for commit in commits], options)
        finally:
            if not options.keep:
                remove(options.work)
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": workers.machine(), "old": commits[0], "new": commits[1], "threshold": options.threshold, "rows": rows}, file, indent=1)
    return 1 if any(row.get("slower") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
