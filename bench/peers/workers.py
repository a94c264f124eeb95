"""Worker processes and the machine they run on: what compare.py and bench/regression share."""
import datetime
import os
import platform
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = "bench/LongSeqKernels.Benchmarks/bin/Release/net10.0/LongSeqKernels.Benchmarks.dll"


def ours(repository=os.path.join(HERE, "../..")):
    """The command of our worker, as a checkout's last build left it."""
    return ["dotnet", os.path.join(repository, BINARY), "worker"]


def require_built():
    """Ends the program where our worker is not built."""
    if not os.path.exists(ours()[1]):
        sys.exit("The benchmarks are not built: dotnet build bench/LongSeqKernels.Benchmarks -c Release")


class Worker:
    """A process that answers every line with one line; see protocol.py."""

    def __init__(self, command, threads):
        # Its stderr is dropped: some peers print thousands of lines of warnings when they are loaded.
        pin = ["taskset", "-c", "1"] if threads == 1 and os.cpu_count() > 1 else []
        # Where .NET sees one processor it compiles hot code only after ten times as long, which is after the warm-up; later calls would be faster.
        settings = {**os.environ, "DOTNET_TC_DelaySingleProcMultiplier": "1"}
        self.process = subprocess.Popen(pin + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=settings)

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().strip() or "err died"
        except BrokenPipeError:
            return "err died"

    def times(self, count, threads):
        """Seconds of so many runs after one that is dropped: processor time with one thread (a preempted process does not count), else wall time."""
        answer = self.ask(f"go {count + 1}")
        if answer.startswith("err"):
            raise RuntimeError(answer)
        pairs = [tuple(map(float, pair.split(","))) for pair in answer.split()[1:]]
        return [cpu if threads == 1 else wall for wall, cpu in pairs]

    def close(self):
        self.process.kill()
        with self.process:
            pass


def runs_in(worker, seconds, threads, most=60):
    """How many runs fit into so many seconds, 1 to `most`."""
    return max(1, min(most, int(seconds / max(worker.times(1, threads)[0], 1e-6))))


def processor_time():
    fields = list(map(int, open("/proc/stat").readline().split()[1:9]))
    return sum(fields) - fields[3] - fields[4], sum(fields)


class Quiet:
    """Waits, within bounds, for a moment in which nobody else computes, and remembers how busy the others were."""

    def __init__(self, seconds):
        self.seconds, self.samples = seconds, []

    def wait(self):
        end = time.time() + self.seconds
        first = True
        while first or time.time() < end:
            before, total_before = processor_time()
            time.sleep(0.04)
            after, total_after = processor_time()
            share = (after - before) / max(1, total_after - total_before)
            if first:
                self.samples.append(share)
                first = False
            if share <= 0.15:
                return

    def others(self):
        """The mean share of the machine that others used whenever we were about to measure."""
        return sum(self.samples) / len(self.samples) if self.samples else None


def git(*arguments, folder=HERE):
    return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True).stdout.strip()


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    changed = git("status", "--porcelain", "--untracked-files=no", ":/", ":(top,exclude)bench/results")
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": model,
        "cores": os.cpu_count(),
        "commit": (git("rev-parse", "--short", "HEAD") or "unknown") + ("+changes" if changed else ""),
        "system": platform.platform(),
        "load_before": round(os.getloadavg()[0], 2),
    }
