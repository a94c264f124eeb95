#!/usr/bin/env python3
"""Measures every case against its peers in one process, on the same inputs, and writes one JSON file that grows with every case.

A contender is first checked against float64 on a slice; a wrong one is reported and not timed. Then it runs over all sets of inputs as one CUDA graph
(launch by launch where it cannot be captured), the replays between two events of one stream: the median and the first decile of the time per run.
Ours is timed before the peers and after them. Peers that have to be compiled come in a second pass, as far as time allows.
On the emulated library everything runs at tiny sizes, and no time is recorded.
"""
import argparse
import contextlib
import datetime
import gc
import json
import math
import os
import time

import peers
from arrays import PlainArrays, TorchArrays
from cases import all_cases
from library import UNSUPPORTED, Device, Library, LibraryError
from ours import Ours
from problem import Problem, sets_needed
from summary import FAILED, NOT_RUN, OK, UNAVAILABLE, WRONG, group_means, summarise

LAUNCHES_IN_A_GRAPH = 16
SAMPLE_SECONDS = 5e-4
WARM_UP_SECONDS = 0.03


class Session:
    """One device, one stream, one way of keeping tensors."""

    def __init__(self, library, torch, tiny, seconds_per_contender):
        self.library, self.torch, self.tiny, self.seconds_per_contender = library, torch, tiny, seconds_per_contender
        self.on_gpu = library.target == "cuda"
        if self.on_gpu:
            self.stream = torch.cuda.Stream()
            torch.cuda.set_stream(self.stream)
            self.device = Device(library, self.stream.cuda_stream)
        else:
            self.device = Device(library)
        self.arrays = TorchArrays(torch, self.device) if torch else PlainArrays(self.device)
        self.l2_bytes = self.device.info().l2_bytes

    def problem(self, case):
        case = case.tiny() if self.tiny else case
        return Problem(case, self.arrays, sets_needed(case, self.l2_bytes) if self.on_gpu else 2)

    # ---- one contender ---------------------------------------------------------------------------------------------------

    def ours(self, problem):
        """(record, contender or None): prepared, checked and timed."""
        ours = Ours(problem, self.device)
        try:
            ours.prepare()
            record = {"name": "ours", "plan": ours.explain(), **self.checked(ours, problem, self.capture_ours)}
        except LibraryError as error:
            ours.close()
            return {"name": "ours", "status": UNAVAILABLE if error.status == UNSUPPORTED else FAILED, "reason": str(error)}, None
        return record, ours

    def peer(self, peer, problem):
        try:
            peer.prepare(problem)
            return {"name": peer.name, **self.checked(peer, problem, self.capture_peer)}
        except peers.Unavailable as error:
            return {"name": peer.name, "status": UNAVAILABLE, "reason": str(error)[:2000]}
        except Exception as error:  # PyTorch raises of every kind: what it says is the record
            return {"name": peer.name, "status": FAILED, "reason": f"{type(error).__name__}: {error}"[:2000]}
        finally:
            peer.close()
            gc.collect()

    def checked(self, contender, problem, capture):
        """Runs set 0, compares, then times."""
        contender.runs[0]()
        self.device.synchronize()
        error = problem.error(contender.result())
        if not error <= problem.tolerance:
            return {"status": WRONG, "relative_error": str(error), "reason": f"relative error {error:.3g}, allowed {problem.tolerance:g}"}
        return {"status": OK, "relative_error": error, **self.timed(contender, capture)}

    def timed(self, contender, capture):
        runs = contender.runs
        for run in runs:
            run()
        self.device.synchronize()
        rounds = math.ceil(LAUNCHES_IN_A_GRAPH / len(runs)) if self.on_gpu else 1
        replay, graph = capture(runs * rounds)
        try:
            return {"graph": graph, "sets": len(runs), **self.sampled(replay, len(runs) * rounds)}
        finally:
            self.device.synchronize()

    def sampled(self, replay, runs):
        """Median and first decile of the seconds a run takes."""
        once = self.device.elapsed(replay)
        if not self.on_gpu:
            return {"samples": 1}
        for _ in range(math.ceil(WARM_UP_SECONDS / max(once, 1e-5))):
            replay()
        once = self.device.elapsed(replay)
        repeats = max(1, math.ceil(SAMPLE_SECONDS / once))
        samples = max(5, min(100, int(self.seconds_per_contender / (once * repeats))))

        def sample():
            for _ in range(repeats):
                replay()

        times = sorted(self.device.elapsed(sample) / (repeats * runs) for _ in range(samples))
        return {"seconds": times[samples // 2], "p10_seconds": times[samples // 10], "samples": samples}

    def capture_ours(self, runs):
        graph = self.device.capture(lambda: [run() for run in runs])
        return lambda: self.library.call("graph_launch", graph, self.device.stream), True

    def capture_peer(self, runs):
        """One graph of all runs; what cannot be captured is launched run by run, and the record says so."""

        def launch():
            for run in runs:
                run()

        if not self.on_gpu:
            return launch, False
        graph = self.torch.cuda.CUDAGraph()
        try:
            with self.torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                launch()
        except Exception:
            self.torch.cuda.synchronize()
            return launch, False
        return graph.replay, True

    # ---- one case ----------------------------------------------------------------------------------------------------------

    def case(self, case, reason_without_torch):
        """Contenders of the first pass: ours, the peers that need no compiler, ours again; and the names of those left for the second."""
        problem = self.problem(case)
        record, ours = self.ours(problem)
        contenders = [record]
        if self.torch is None:
            contenders.append({"name": "PyTorch", "status": UNAVAILABLE, "reason": reason_without_torch})
        else:
            for peer in peers.peers_of(problem, self.torch):
                later = {"name": peer.name, "status": NOT_RUN, "reason": "it has to be compiled, and time ran out"}
                contenders.append(later if peer.compiled else self.peer(peer, problem))
        if ours:
            if record["status"] == OK:
                again = self.timed(ours, self.capture_ours)
                record["seconds_again"] = again.get("seconds")
            ours.close()
        self.arrays.free()
        return contenders

    def compiled_peers(self, case, contenders):
        """The second pass: replaces the records of peers that are compiled."""
        problem = self.problem(case)
        for peer in peers.peers_of(problem, self.torch):
            if peer.compiled:
                self.torch.compiler.reset()
                place = next(i for i, contender in enumerate(contenders) if contender["name"] == peer.name)
                contenders[place] = self.peer(peer, problem)
        self.arrays.free()

    def matrix_ceiling(self):
        """bf16 operations per second of the library's best product of 8192 x 8192 random matrices: what the matrix units give."""
        if not self.on_gpu:
            return None
        a, b = (self.arrays.normal((8192, 8192), "bf16", seed) for seed in (1, 2))
        output = self.torch.empty_like(a)

        def products():
            for _ in range(10):
                self.torch.mm(a, b, out=output)

        products()
        return 10 * 2 * 8192**3 / min(self.device.elapsed(products) for _ in range(5))


def read_ceilings(path, session):
    """The ceilings program's figures, with the matrix units' from PyTorch where that is higher (wgmma, which mma.sync does not reach)."""
    ceilings = {}
    if path and os.path.exists(path):
        with open(path) as file:
            ceilings = json.load(file)
    product = session.matrix_ceiling()
    ceilings["matrix_product_per_second"] = product
    known = [value for value in (product, ceilings.get("mma_per_second")) if value]
    ceilings["matrix_per_second"] = max(known) if known else None
    return ceilings if session.on_gpu else {}


def line_of(row):
    ours = row["contenders"][0]
    if ours["status"] != OK:
        return f"{row['name']}: ours {ours['status']}: {ours.get('reason', '')}"
    if not ours.get("seconds"):
        return f"{row['name']}: ours correct, relative error {ours['relative_error']:.1e}"
    peer = f", {row['ratio']:.2f} times as fast as {row['best_peer']}" if row["ratio"] else ", no peer ran"
    share = f", {row['share_of_bound']:.0%} of the {row['bound']} bound" if row["share_of_bound"] else ""
    return f"{row['name']}: {ours['seconds'] * 1e6:.1f} us, {row['gigabytes_per_second']:.0f} GB/s, {row['teraflops_per_second']:.0f} TFLOP/s{share}{peer}"


def measure(session, reason_without_torch, chosen, ceilings, deadline, write):
    results = {}

    def report(case):
        rows = [summarise(case.tiny() if session.tiny else case, contenders, ceilings) | {"name": case.name} for case, contenders in results.values()]
        write(rows)
        return next(row for row in rows if row["name"] == case.name)

    for case in chosen:
        if time.monotonic() > deadline:
            results[case.name] = case, [{"name": "ours", "status": NOT_RUN, "reason": "time ran out"}]
        else:
            results[case.name] = case, session.case(case, reason_without_torch)
        print(line_of(report(case)), flush=True)
    for case, contenders in list(results.values()):
        waiting = [contender for contender in contenders if contender["status"] == NOT_RUN and contender["name"] != "ours"]
        if waiting and session.on_gpu and time.monotonic() < deadline:
            session.compiled_peers(case, contenders)
            print("compiled peers:", line_of(report(case)), flush=True)
    return [report(case) for case, _ in results.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True, help="liblongseqkernels_abi1.so, for CUDA or emulated")
    parser.add_argument("--out", required=True, help="the JSON file to write")
    parser.add_argument("--ceilings", help="JSON of the ceilings program")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes; the rule on an emulated library")
    parser.add_argument("--only", default="", help="only cases whose name or group contains this text")
    parser.add_argument("--first-of-group", action="store_true", help="only the first case of every group")
    parser.add_argument("--seconds", type=float, default=300, help="stop starting cases after this long (default 300)")
    parser.add_argument("--seconds-per-contender", type=float, default=0.12, help="device time to time a contender for (default 0.12)")
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    library = Library(options.library)
    torch, why_not = peers.load()
    if library.target == "cuda" and torch is None:
        parser.error(f"a measurement on the GPU needs PyTorch there, for its peers and its memory: {why_not}")
    chosen = [case for case in all_cases() if options.only in case.name or options.only in case.group]
    if options.first_of_group:
        groups = set()
        chosen = [case for case in chosen if not (case.group in groups or groups.add(case.group))]
    if not chosen:
        parser.error(f"no case has \"{options.only}\" in its name or group")
    with torch.no_grad() if torch else contextlib.nullcontext():
        session = Session(library, torch, options.tiny or library.target != "cuda", options.seconds_per_contender)
        info = session.device.info()
        ceilings = read_ceilings(options.ceilings, session)
        document = {
            "date": datetime.date.today().isoformat(),
            "target": library.target,
            "device": {"name": info.name.decode(), "compute_capability": info.compute_capability, "multiprocessors": info.multiprocessors, "l2_bytes": info.l2_bytes},
            "tiny": session.tiny,
            "versions": peers.versions(torch) if torch else {},
            "ceilings": ceilings,
        }

        def write(rows):
            with open(options.out + ".part", "w") as file:
                json.dump(document | {"rows": rows, "geometric_means": group_means(rows)}, file, indent=1)
            os.replace(options.out + ".part", options.out)

        rows = measure(session, why_not, chosen, ceilings, deadline, write)
    for group, count, mean in group_means(rows):
        print(f"geometric mean, {group}: {mean:.2f} over {count} cases")
    wrong = [f"{row['name']}: {c['name']} is wrong: {c['reason']}" for row in rows for c in row["contenders"] if c["status"] == WRONG]
    failed = [f"{row['name']}: ours failed: {row['contenders'][0]['reason']}" for row in rows if row["contenders"][0]["status"] == FAILED]
    print("\n".join(wrong + failed) or "every contender that ran agrees with float64")
    # A wrong or failing kernel of ours is a failure of the run; a peer's is a finding.
    return 1 if failed or any(": ours is wrong" in line for line in wrong) else 0


if __name__ == "__main__":
    raise SystemExit(main())
