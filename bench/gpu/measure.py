#!/usr/bin/env python3
"""Measures every case against its peers in one process, on the same inputs, and writes one JSON file that grows with every contender.

A contender is first checked against float64 on a slice; a wrong one is reported and not timed. Then it runs over all sets of inputs as one CUDA graph
(launch by launch where it cannot be captured), the replays between two events of one stream: the median and the first decile of the time per run.
Ours is timed before the peers and after them. Peers that have to be compiled come in a second pass, as far as time allows.
A contender that loses the device, or does not end, ends the process (exit code 3): started again with --resume it goes on after that contender.
On the emulated library everything runs at tiny sizes, and no time is recorded.
"""
import argparse
import contextlib
import datetime
import gc
import json
import os
import pathlib
import threading
import time

import peers
from arrays import PlainArrays, TorchArrays
from cases import all_cases
from library import UNSUPPORTED, Device, Library, LibraryError
from ours import Ours
from problem import Problem, sets_needed
from summary import FAILED, NOT_RUN, OK, UNAVAILABLE, WRONG, group_means, summarise
from timing import Timer

DEVICE_LOST = 3
# A contender that takes longer, compilation and all, is taken for one that will not end.
MOST_SECONDS = 60
MOST_SECONDS_COMPILED = 150
NOT_COMPILED = "it has to be compiled, and time ran out"


class Results:
    """What is known so far, in a file that is whole at any time, beside a note of what is running."""

    def __init__(self, path, document, ceilings, tiny):
        self.path, self.document, self.ceilings, self.tiny = pathlib.Path(path), document, ceilings, tiny
        self.note = self.path.with_suffix(".running")
        self.contenders = {}  # of each case by name
        self.cases = {}

    def resume(self, cases):
        """Reads what an earlier process found; what was running when it ended has failed."""
        cases = {case.name: case for case in cases}
        if self.path.exists():
            for row in json.loads(self.path.read_text())["rows"]:
                self.begin(cases[row["name"]], row["contenders"])
        if self.note.exists():
            case, contender = json.loads(self.note.read_text())
            self.record(cases[case], {"name": contender, "status": FAILED, "reason": "the process ended while it ran: it lost the device, or did not end"})

    def begin(self, case, contenders):
        self.cases[case.name], self.contenders[case.name] = case, contenders

    def running(self, case, contender):
        self.note.write_text(json.dumps([case.name, contender]))

    def record(self, case, contender):
        """Adds a contender, or replaces what was said of it."""
        if case.name not in self.contenders:
            self.begin(case, [])
        contenders = self.contenders[case.name]
        for place, known in enumerate(contenders):
            if known["name"] == contender["name"]:
                contenders[place] = contender
                break
        else:
            contenders.append(contender)
        self.write()
        self.note.unlink(missing_ok=True)

    def row(self, case):
        measured = case.tiny() if self.tiny else case
        return summarise(measured, self.contenders[case.name], self.ceilings) | {"name": case.name}

    def rows(self):
        return [self.row(case) for name, case in self.cases.items() if self.contenders[name]]

    def write(self):
        rows = self.rows()
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps(self.document | {"rows": rows, "geometric_means": group_means(rows)}, indent=1))
        os.replace(partial, self.path)


class Contest:
    """Runs contenders on one device and stream, with one way of keeping tensors."""

    def __init__(self, library, torch, tiny, seconds_per_contender):
        self.library, self.torch, self.tiny = library, torch, tiny
        self.on_gpu = library.target == "cuda"
        stream = None
        if self.on_gpu:
            stream = torch.cuda.Stream()
            torch.cuda.set_stream(stream)
        self.device = Device(library, stream.cuda_stream if stream else None)
        self.timer = Timer(self.device, torch, stream, seconds_per_contender)
        self.arrays = TorchArrays(torch, self.device) if torch else PlainArrays(self.device)
        self.l2_bytes = self.device.info().l2_bytes

    def problem(self, case):
        case = case.tiny() if self.tiny else case
        return Problem(case, self.arrays, sets_needed(case, self.l2_bytes) if self.on_gpu else 2)

    def case(self, case, results, reason_without_torch):
        """The first pass: ours, the peers that need no compiler, ours again."""
        results.begin(case, [])
        problem = self.problem(case)
        ours = Ours(problem, self.device)
        try:
            record = self.watched(case, results, "ours", MOST_SECONDS, lambda: self.ours(ours, problem))
            if self.torch is None:
                results.record(case, {"name": "PyTorch", "status": UNAVAILABLE, "reason": reason_without_torch})
            else:
                self.peers(case, results, problem)
            if record["status"] == OK:
                again = self.timer.time(ours.runs, self.timer.capture_ours)
                results.record(case, record | {"seconds_again": again.get("seconds")})
        finally:
            ours.close()
            self.arrays.free()

    def peers(self, case, results, problem):
        for peer in peers.peers_of(problem, self.torch):
            if peer.compiled:
                results.record(case, {"name": peer.name, "status": NOT_RUN, "reason": NOT_COMPILED})
            else:
                self.watched(case, results, peer.name, MOST_SECONDS, lambda: self.peer(peer, problem))

    def compiled_peers(self, case, results):
        """The second pass: the peers that are compiled and have not run."""
        waiting = {contender["name"] for contender in results.contenders[case.name] if contender["status"] == NOT_RUN}
        problem = self.problem(case)
        for peer in peers.peers_of(problem, self.torch):
            if peer.name in waiting:
                self.torch.compiler.reset()
                self.watched(case, results, peer.name, MOST_SECONDS_COMPILED, lambda: self.peer(peer, problem))
        self.arrays.free()

    def watched(self, case, results, name, seconds, work):
        """Runs a contender, records it, and ends the process where it does not end or has taken the device with it."""
        results.running(case, name)
        watchdog = threading.Timer(seconds, lambda: os._exit(DEVICE_LOST))
        watchdog.daemon = True
        watchdog.start()
        try:
            record = {"name": name, **work()}
            results.record(case, record)
            if record["status"] == FAILED:
                self.end_if_lost(record)
        finally:
            watchdog.cancel()
        return record

    def end_if_lost(self, record):
        try:
            self.device.synchronize()
            if self.on_gpu:
                self.torch.cuda.synchronize()
        except Exception as error:
            print(f"the device is lost to {record['name']}: {error}", flush=True)
            os._exit(DEVICE_LOST)

    # ---- one contender -------------------------------------------------------------------------------------------------------

    def ours(self, ours, problem):
        try:
            ours.prepare()
            return {"plan": ours.explain(), **self.checked(ours, problem, self.timer.capture_ours)}
        except LibraryError as error:
            return {"status": UNAVAILABLE if error.status == UNSUPPORTED else FAILED, "reason": str(error)}

    def peer(self, peer, problem):
        try:
            peer.prepare(problem)
            return self.checked(peer, problem, self.timer.capture_peer)
        except peers.Unavailable as error:
            return {"status": UNAVAILABLE, "reason": str(error)[:2000]}
        except Exception as error:  # PyTorch raises of every kind: what it says is the record
            return {"status": FAILED, "reason": f"{type(error).__name__}: {error}"[:2000]}
        finally:
            peer.close()
            gc.collect()

    def checked(self, contender, problem, capture):
        """Runs set 0, compares, then times."""
        result = contender.result_of_first_run()
        self.device.synchronize()
        error = problem.error(result)
        if not error <= problem.tolerance:
            return {"status": WRONG, "relative_error": str(error), "reason": f"relative error {error:.3g}, allowed {problem.tolerance:g}"}
        return {"status": OK, "relative_error": error, **self.timer.time(contender.runs, capture)}

    def matrix_ceiling(self):
        """bf16 operations per second of PyTorch's product of 8192 x 8192 random matrices: what the matrix units give."""
        if not self.on_gpu:
            return None
        a, b = (self.arrays.normal((8192, 8192), "bf16", seed) for seed in (1, 2))
        output = self.torch.empty_like(a)

        def products():
            for _ in range(10):
                self.torch.mm(a, b, out=output)

        products()
        return 10 * 2 * 8192**3 / min(self.device.elapsed(products) for _ in range(5))


def read_ceilings(path, contest):
    """The ceilings program's figures, with the matrix units' from PyTorch where that is higher (wgmma, which mma.sync does not reach)."""
    if not contest.on_gpu:
        return {}
    ceilings = json.loads(pathlib.Path(path).read_text()) if path and os.path.exists(path) else {}
    ceilings["matrix_product_per_second"] = contest.matrix_ceiling()
    ceilings["matrix_per_second"] = max(ceilings["matrix_product_per_second"], ceilings.get("mma_per_second", 0.0))
    return ceilings


def line_of(row):
    ours = row["contenders"][0]
    if ours["status"] != OK:
        return f"{row['name']}: ours {ours['status']}: {ours.get('reason', '')}"
    if not ours.get("seconds"):
        return f"{row['name']}: ours correct, relative error {ours['relative_error']:.1e}"
    peer = f", {row['ratio']:.2f} times as fast as {row['best_peer']}" if row["ratio"] else ", no peer ran"
    share = f", {row['share_of_bound']:.0%} of the {row['bound']} bound" if row["share_of_bound"] else ""
    return f"{row['name']}: {ours['seconds'] * 1e6:.1f} us, {row['gigabytes_per_second']:.0f} GB/s, {row['teraflops_per_second']:.0f} TFLOP/s{share}{peer}"


def measure(contest, results, chosen, deadline, reason_without_torch):
    for case in chosen:
        if case.name in results.contenders:
            continue  # an earlier process has been here
        if time.monotonic() < deadline:
            whatever_happens(contest, case, results, lambda: contest.case(case, results, reason_without_torch))
        else:
            results.record(case, {"name": "ours", "status": NOT_RUN, "reason": "time ran out"})
        print(line_of(results.row(case)), flush=True)
    for case in chosen if contest.on_gpu else ():
        waiting = [contender for contender in results.contenders[case.name] if contender.get("reason") == NOT_COMPILED]
        if waiting and time.monotonic() < deadline:
            whatever_happens(contest, case, results, lambda: contest.compiled_peers(case, results))
            print("with compiled peers:", line_of(results.row(case)), flush=True)


def whatever_happens(contest, case, results, work):
    """Runs a pass over a case; what breaks outside of its contenders (memory for the inputs, say) leaves the other cases alone."""
    try:
        work()
    except Exception as error:
        name = "the rest of the case" if results.contenders[case.name] else "ours"
        record = {"name": name, "status": FAILED, "reason": f"{type(error).__name__}: {error}"[:2000]}
        results.record(case, record)
        contest.end_if_lost(record)


def conclusion(rows):
    """Prints the means and what went wrong. A wrong or failing kernel of ours is a failure of the run; a peer's is a finding."""
    for group, count, mean in group_means(rows):
        print(f"geometric mean, {group}: {mean:.2f} over {count} cases")
    bad = [(row["name"], contender) for row in rows for contender in row["contenders"] if contender["status"] in (WRONG, FAILED)]
    for name, contender in bad:
        if contender["status"] == WRONG or contender["name"] == "ours":
            print(f"{name}: {contender['name']} {contender['status']}: {contender['reason']}")
    if not any(contender["status"] == WRONG for _, contender in bad):
        print("every contender that ran agrees with float64")
    return 1 if any(contender["name"] == "ours" for _, contender in bad) else 0


def chosen_cases(options):
    chosen = [case for case in all_cases() if options.only in case.name or options.only in case.group]
    if options.first_of_group:
        groups = set()
        chosen = [case for case in chosen if not (case.group in groups or groups.add(case.group))]
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True, help="liblongseqkernels_abi1.so, for CUDA or emulated")
    parser.add_argument("--out", required=True, help="the JSON file to write")
    parser.add_argument("--ceilings", help="JSON of the ceilings program")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes; the rule on an emulated library")
    parser.add_argument("--only", default="", help="only cases whose name or group contains this text")
    parser.add_argument("--first-of-group", action="store_true", help="only the first case of every group")
    parser.add_argument("--resume", action="store_true", help="go on where a process that ended left off")
    parser.add_argument("--seconds", type=float, default=300, help="stop starting cases after this long (default 300)")
    parser.add_argument("--seconds-per-contender", type=float, default=0.12, help="device time to time a contender for (default 0.12)")
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    try:
        library = Library(options.library)
    except OSError as error:
        raise SystemExit(f"--library was {options.library} but must be a library that loads: {error}") from error
    torch, why_not = peers.load()
    if library.target == "cuda" and torch is None:
        raise SystemExit(f"A measurement on the GPU needs PyTorch there, for its peers and its memory. {why_not}")
    chosen = chosen_cases(options)
    if not chosen:
        raise SystemExit(f"No case has \"{options.only}\" in its name or group.")
    with torch.no_grad() if torch else contextlib.nullcontext():
        contest = Contest(library, torch, options.tiny or library.target != "cuda", options.seconds_per_contender)
        info = contest.device.info()
        document = {
            "date": datetime.date.today().isoformat(),
            "target": library.target,
            "device": {"name": info.name.decode(), "compute_capability": info.compute_capability, "multiprocessors": info.multiprocessors, "l2_bytes": info.l2_bytes},
            "tiny": contest.tiny,
            "versions": peers.versions(torch) if torch else {},
            "ceilings": read_ceilings(options.ceilings, contest),
        }
        results = Results(options.out, document, document["ceilings"], contest.tiny)
        if options.resume:
            results.resume(chosen)
        else:
            results.note.unlink(missing_ok=True)
        measure(contest, results, chosen, deadline, why_not)
    return conclusion(results.rows())


if __name__ == "__main__":
    raise SystemExit(main())
