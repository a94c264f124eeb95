"""The native tests (doctest executables), suite by suite, plain and under compute-sanitizer."""
import re
import time

from process import Outcome, run

SUITE_SECONDS = 40  # a suite takes a few seconds; one that takes longer hangs
TOOLS = ("memcheck", "racecheck")


def suites_of(executables):
    """[(executable, suite)], in the executables' order."""
    found = []
    for executable in executables:
        listed = run([executable, "--list-test-suites", "--no-colors=true"], 20)
        found += [(executable, suite) for suite in suite_names(listed.text)]
    return found


def suite_names(text):
    """doctest prints a line between rules of '=', then a name per line, then a summary; its own lines start with [doctest]."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("[doctest]", "="))]


def counts_of(text):
    """(cases, failed) of doctest's summary, or None where it printed none: it died."""
    found = re.search(r"test cases:\s*(\d+)\s*\|\s*\d+ passed\s*\|\s*(\d+) failed", text)
    return (int(found[1]), int(found[2])) if found else None


def run_suites(suites, seconds):
    """Runs every suite as far as time allows. Returns the outcome and the seconds of those that passed."""
    deadline, records, times = time.monotonic() + seconds, [], {}
    for executable, suite in suites:
        name, left = f"{executable.name}: {suite}", deadline - time.monotonic()
        if left < 1:
            records.append({"suite": name, "outcome": "left out", "reason": "time ran out"})
            continue
        start = time.monotonic()
        result = run([executable, f"--test-suite={suite}", "--no-colors=true"], min(left, SUITE_SECONDS))
        took, counts = time.monotonic() - start, counts_of(result.text)
        if result.code == 0 and counts and counts[0] > 0:
            records.append({"suite": name, "outcome": "ok", "cases": counts[0], "seconds": round(took, 2)})
            times[executable, suite] = took
        elif result.timed_out and left < SUITE_SECONDS:
            records.append({"suite": name, "outcome": "left out", "reason": "it did not end in the time that was left"})
        else:
            records.append({"suite": name, "outcome": "timed out" if result.timed_out else "failed", "reason": result.tail(1500)})
            print(f"   {name}: {records[-1]['outcome']}\n{result.tail(600)}", flush=True)
    return summary_of(records), times


def sanitize(suite_seconds, seconds):
    """The suites that passed, quickest first, under each tool of compute-sanitizer; half of the time is each tool's."""
    records = []
    quickest = sorted(suite_seconds, key=suite_seconds.get)
    for tool in TOOLS:
        deadline = time.monotonic() + seconds / len(TOOLS)
        for executable, suite in quickest:
            name, left = f"{tool}, {executable.name}: {suite}", deadline - time.monotonic()
            if left < 1:
                records.append({"suite": name, "outcome": "left out", "reason": "time ran out"})
                continue
            command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "99", executable, f"--test-suite={suite}", "--no-colors=true"]
            result = run(command, left)
            if result.timed_out:
                records.append({"suite": name, "outcome": "left out", "reason": "it did not end in the time that was left"})
            elif result.code == 0 and counts_of(result.text):
                records.append({"suite": name, "outcome": "ok"})
            else:
                records.append({"suite": name, "outcome": "failed", "reason": result.tail(3000)})
    return summary_of(records)


def summary_of(records):
    """A step's outcome: failed where a suite failed; what was left out is counted and stands in the record by name."""
    words = [record["outcome"] for record in records]
    passed, left_out = words.count("ok"), words.count("left out")
    bad = [record["suite"] for record in records if record["outcome"] in ("failed", "timed out")]
    reason = f"{passed} of {len(records)} suites passed" + (f", {left_out} left out" if left_out else "") + (f"; not: {', '.join(bad)}" if bad else "")
    word = "failed" if bad or not records else "ok" if passed else "left out"
    return Outcome(word, reason, {"suites": records})
