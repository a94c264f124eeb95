"""Everything that is done on a GPU machine, step by step, each with its own time and its outcome in one JSON file, also when another step fails.

The file is written anew after every step: what was found is kept whatever happens next. It is named after date, GPU and commit.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import sys
import tarfile
import tempfile
import time

import report
from measure import DEVICE_LOST
from process import Outcome, run
from suites import run_suites, sanitize, suites_of

HERE = pathlib.Path(__file__).resolve().parent
# Seconds a step may take. The cases get what the others leave.
BUDGETS = {"build": 150, "primitives": 30, "native tests": 60, "compute-sanitizer": 80, "ceilings": 40}
GPU_STATE = ("name", "driver_version", "memory.total", "clocks.sm", "clocks.mem", "clocks.max.sm", "power.limit", "temperature.gpu")
# How much longer everything may take where kernels run on a processor.
EMULATED_FACTOR = 4
# measure.py stops starting cases this long before it is stopped itself.
GRACE_SECONDS = 30


class Session:
    def __init__(self, options):
        self.options, self.deadline = options, time.monotonic() + options.minutes * 60
        self.bundle = pathlib.Path(options.bundle)
        self.document = {"date": datetime.date.today().isoformat(), "machine": {}, "build": {}, "steps": []}
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="lsk-gpu-"))
        self.suite_seconds = {}
        self.name = None

    def left(self):
        return self.deadline - time.monotonic()

    def step(self, name, work):
        """Runs a step, records how it ended and writes the file."""
        print(f"== {name}", flush=True)
        start = time.monotonic()
        try:
            outcome = work(min(BUDGETS.get(name, self.left()) * (EMULATED_FACTOR if self.emulated else 1), self.left()))
        except Exception as error:  # a step that breaks must not take the others with it
            outcome = Outcome("failed", f"{type(error).__name__}: {error}")
        seconds = round(time.monotonic() - start, 1)
        self.document["steps"].append({"name": name, "outcome": outcome.word, "seconds": seconds, "reason": outcome.reason, **outcome.details})
        print(f"== {name}: {outcome.word}, {seconds} s{': ' + outcome.reason if outcome.reason else ''}", flush=True)
        self.write()

    def write(self):
        if self.name:
            path = pathlib.Path(self.options.out) / self.name
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part")
            partial.write_text(json.dumps(self.document, indent=1))
            os.replace(partial, path)

    # ---- steps ---------------------------------------------------------------------------------------------------------------

    def facts(self, _):
        machine = self.document["machine"]
        machine |= {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count(), "nvcc": nvcc_version()}
        machine["compute_sanitizer"] = shutil.which("compute-sanitizer") is not None
        self.document["build"] = json.loads((self.bundle / "bundle.json").read_text())
        gpu = "emulated"
        if not self.emulated:
            state = gpu_state()
            if "name" not in state:
                self.set_name("no-gpu")
                return Outcome("failed", f"nvidia-smi: {state['error']}")
            machine |= {"gpu": state, "driver": state["driver_version"]}
            gpu = state["name"]
        self.set_name(gpu)
        return Outcome("ok", f"{gpu}, commit {self.document['build']['commit']}")

    def set_name(self, gpu):
        words = re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-")
        self.name = f"{self.document['date']}-{words}-{self.document['build'].get('commit', 'unknown').replace('+', '-')}.json"

    def build(self, seconds):
        """Builds what was carried with this machine's nvcc, where that is newer or asked for. The carried build stays in use when this fails."""
        build, newest = self.document["build"], nvcc_version()
        if self.emulated:
            return Outcome("left out", "the emulated build was carried")
        newer = newest is not None and version_of(newest) > version_of(build["toolkit"])
        if not self.options.build and (self.options.carried or not newer):
            return Outcome("left out", f"the carried build is used (nvcc {build['toolkit']}; here: {newest or 'none'})")
        source, made, end = self.work / "source", self.work / "made", time.monotonic() + seconds
        with tarfile.open(self.bundle / "source.tar.gz") as archive:
            archive.extractall(source, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(source)
        capability = run(["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"], 20).text.split("\n")[0].strip().replace(".", "")
        architecture = "90a-real" if capability == "90" else f"{capability}-real"
        settings = ["-DLSK_TARGET=cuda", f"-DCMAKE_CUDA_ARCHITECTURES={architecture}", f"-DCMAKE_PREFIX_PATH={source / 'doctest'}"]
        configured = run(["cmake", "-S", source, "-B", made, *settings], seconds)
        built = run(["cmake", "--build", made, "-j", str(os.cpu_count())], end - time.monotonic()) if configured.code == 0 else configured
        if built.code != 0:
            outcome = "failed" if self.options.build else "left out"
            return Outcome(outcome, f"the carried build is used; building with nvcc {newest} did not succeed: {built.tail(600)}")
        self.adopt(made)
        build |= {"toolkit": newest, "architectures": architecture, "built": "on this machine"}
        return Outcome("ok", f"nvcc {newest}, {architecture}")

    def adopt(self, made):
        """Puts what was built here where the carried files were: in a copy, the carried folder stays as it is."""
        copy = self.work / "bundle"
        shutil.copytree(self.bundle, copy)
        for library in (made / "native").glob("*.so"):
            shutil.copy(library, copy / "lib")
        shutil.copy(made / "bench/gpu/lsk_ceilings", copy / "bin")
        for executable in (made / "native/tests").rglob("lsk_*_tests"):
            shutil.copy(executable, copy / "tests")
        self.bundle = copy

    def tests(self, chosen, what):
        def work(seconds):
            os.environ["LSK_LAYOUTS"] = str(self.bundle / "tests/layouts.txt")  # where the tests of primitives find their tables
            executables = [path for path in sorted((self.bundle / "tests").glob("lsk_*_tests")) if ("primitives" in path.name) == (chosen == "primitives")]
            if not executables:
                return Outcome("left out", f"no {what} in this build")
            outcome, times = run_suites(suites_of(executables), seconds)
            self.suite_seconds |= times
            return outcome

        return work

    def sanitizer(self, seconds):
        if self.emulated:
            return Outcome("left out", "no device code runs in an emulated build; its own checks are the race and sanitized builds")
        if not shutil.which("compute-sanitizer"):
            return Outcome("left out", "compute-sanitizer is not on this machine")
        return sanitize(self.suite_seconds, seconds)

    def ceilings(self, seconds):
        tiny = ["--tiny"] if self.tiny else []
        result = run([self.bundle / "bin/lsk_ceilings", *tiny], seconds)
        if result.code != 0:
            return Outcome("failed", result.tail(600))
        self.document["ceilings"] = json.loads(result.text)
        (self.work / "ceilings.json").write_text(result.text)
        return Outcome("ok", "")

    @property
    def emulated(self):
        return self.document["build"].get("target") == "emulated"

    @property
    def tiny(self):
        return self.options.tiny or self.emulated

    def bench(self, seconds):
        library = next((self.bundle / "lib").glob("*.so"))
        out = self.work / "bench.json"
        command = [sys.executable, HERE / "measure.py", "--library", library, "--out", out]
        command += ["--ceilings", self.work / "ceilings.json", "--only", self.options.only] + (["--tiny"] if self.tiny else [])
        end, result = time.monotonic() + seconds, None
        while result is None or (result.code == DEVICE_LOST and end - time.monotonic() > 2 * GRACE_SECONDS):
            # A contender that took the device with it ends the process; the next one goes on after it.
            left = end - time.monotonic()
            resume = ["--resume"] if result else []
            result = run(command + resume + ["--seconds", str(max(10, left - GRACE_SECONDS))], left, show=True)
            if out.exists():
                self.document["bench"] = json.loads(out.read_text())
            self.write()
        if not self.tiny:
            self.document["machine"]["gpu_after_the_cases"] = gpu_state()  # warm clocks, beside the idle ones
        rows = self.document.get("bench", {}).get("rows", [])
        counts = {}
        for row in rows:
            status = row["contenders"][0]["status"]
            counts[status] = counts.get(status, 0) + 1
        reason = ", ".join(f"{count} {status}" for status, count in counts.items()) or "no case ran"
        if result.code == 0:
            return Outcome("ok", reason)
        return Outcome("timed out" if result.timed_out else "failed", f"{reason}; {result.tail(600)}")

    def run(self):
        if self.options.only:
            print(f"only cases with \"{self.options.only}\"")
        self.step("machine", self.facts)
        self.step("build", self.build)
        self.step("primitives", self.tests("primitives", "tests of primitives"))
        self.step("native tests", self.tests("others", "native tests"))
        self.step("compute-sanitizer", self.sanitizer)
        self.step("ceilings", self.ceilings)
        self.step("cases", self.bench)
        shutil.rmtree(self.work, ignore_errors=True)
        print(report.plain([self.document]) if report.measured_rows([self.document]) else "no case was measured on a GPU", end="\n\n")
        for step in self.document["steps"]:
            print(f"{step['name']:<20}{step['outcome']:<10}{step['seconds']:>7} s  {step['reason'][:150]}")
        print(pathlib.Path(self.options.out) / self.name if self.name else "no file was written")
        return 1 if any(step["outcome"] in ("failed", "timed out") for step in self.document["steps"]) else 0


def gpu_state():
    """What the driver says of the first GPU, or its error."""
    result = run(["nvidia-smi", f"--query-gpu={','.join(GPU_STATE)}", "--format=csv,noheader"], 20)
    if result.code != 0:
        return {"error": result.tail(300)}
    return dict(zip(GPU_STATE, (value.strip() for value in result.text.splitlines()[0].split(","))))


def nvcc_version():
    if not shutil.which("nvcc"):
        return None
    found = re.search(r"release ([0-9.]+)", run(["nvcc", "--version"], 20).text)
    return found[1] if found else None


def version_of(text):
    return tuple(int(part) for part in text.split(".")) if text else (0,)


def main():
    carried = (HERE.parent / "bundle.json").exists()
    repository = HERE.parents[1]
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--build", action="store_true", help="build with this machine's nvcc; by default only where it is newer than the carried build's")
    how.add_argument("--carried", action="store_true", help="never build here")
    parser.add_argument("--emulated", action="store_true", help="the emulated twin, on a machine without a GPU (bundle.sh --emulated)")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes: everything runs, nothing is measured that counts")
    parser.add_argument("--only", default="", help="only cases whose name or group contains this text")
    parser.add_argument("--minutes", type=float, default=9.5, help="for everything together (default 9.5)")
    parser.add_argument("--bundle", help="the carried folder (default: where run.sh lies, or build/gpu-bundle)")
    parser.add_argument("--out", help="folder for the JSON file (default: results beside the bundle's run.sh, or build/gpu-results)")
    options = parser.parse_args()
    default = HERE.parent if carried else repository / "build" / ("gpu-bundle-emulated" if options.emulated else "gpu-bundle")
    options.bundle = options.bundle or str(default)
    options.out = options.out or str(HERE.parent / "results" if carried else repository / "build/gpu-results")
    description = pathlib.Path(options.bundle) / "bundle.json"
    if not description.exists():
        parser.error(f"{options.bundle} holds no bundle: run bundle.sh{' --emulated' if options.emulated else ''} first, or name its folder with --bundle")
    if options.emulated != (json.loads(description.read_text())["target"] == "emulated"):
        parser.error(f"{options.bundle} is {'not ' if options.emulated else ''}an emulated bundle")
    return Session(options).run()


if __name__ == "__main__":
    sys.exit(main())
