#!/usr/bin/env python3
"""Loads `lsk serve` on loopback with wrk and writes what it measured: requests per second and latency by connections, with batching across requests and without.

Everything is made in a work folder, out of the demonstration's generated log: a VISTA model (trained for a few steps only: what it says does not matter to how long it takes),
a SQLite store of its summaries, a server for each kind of batching. Client and server share the machine's processors, so this is a floor of what a server of its own would do.
"""
import argparse
import datetime
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HISTOGRAM = re.compile(r"^lsk_batch_requests_(sum|count)(?:\{[^}]*\})? ([0-9.e+]+)", re.M)


def run(lsk, *arguments, cwd):
    done = subprocess.run([*lsk, *arguments], cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(arguments)} failed with exit code {done.returncode}:\n{done.stderr or done.stdout}")
    return done.stdout


def prepare(lsk, work, options):
    """Log, model and store; what an earlier run has made of the same options is kept."""
    made = os.path.join(work, "made.json")
    wanted = {name: getattr(options, name) for name in ("width", "tokens", "heads", "layers", "users", "events")}
    if os.path.exists(made) and json.load(open(made)) == wanted:
        return
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    print("Making log, model and store ...", flush=True)
    run(lsk, "demo", "--out", "demo", "--steps", "1", "--users", str(options.users), "--events", str(options.events), cwd=work)
    os.rename(os.path.join(work, "demo", "demo.lsklog"), os.path.join(work, "load.lsklog"))
    run(lsk, "train", "load.lsklog", "--model", "vista", "--out", "load.lskmodel", "--steps", "20", "--width", str(options.width), "--heads", str(options.heads),
        "--layers", str(options.layers), "--tokens", str(options.tokens), "--max-window", "256", "--no-popularity", cwd=work)
    run(lsk, "summarize", "load.lsklog", "load.lskmodel", "--store", "load.db", cwd=work)
    json.dump(wanted, open(made, "w"))


def users_of(lsk, work):
    """A file of the users' names: the generated log numbers them."""
    info = json.loads(run(lsk, "summarize", "load.lsklog", "load.lskmodel", "--store", "load.db", "--json", cwd=work))
    users = info["progress"]["users"]
    path = os.path.join(work, "users.txt")
    with open(path, "w") as file:
        file.writelines(f"user{number}\n" for number in range(users))
    return path


def items_of(model):
    """The number of items of a model: the rows of its embedding table, by the header of the safetensors file."""
    with open(model, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return header["item_embedding"]["shape"][0]


class Server:
    def __init__(self, lsk, work, batch):
        self.process = subprocess.Popen([*lsk, "serve", "load.lskmodel", "--store", "load.db", "--listen", "127.0.0.1:0", "--batch", str(batch)],
                                        cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.address = None
        for line in self.process.stdout:
            found = re.search(r"http://\S+", line)
            if found:
                self.address = found.group().rstrip(".")
                break
        if self.address is None:
            sys.exit(f"The server ended with exit code {self.process.wait()} before it listened.")

    def batches(self):
        """Requests scored, and runs of the model that scored them, so far."""
        text = urllib.request.urlopen(self.address + "/metrics").read().decode()
        values = {kind: float(value) for kind, value in HISTOGRAM.findall(text)}
        return values["sum"], values["count"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        if code != 0:
            sys.exit(f"The server ended with exit code {code}.")


def load(server, connections, seconds, environment):
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", os.path.join(HERE, "score.lua"), server.address],
                          env=environment, capture_output=True, text=True)
    found = re.search(r"^LOAD (.*)$", done.stdout, re.M)
    if not found:
        sys.exit(f"wrk said:\n{done.stdout}{done.stderr}")
    return json.loads(found.group(1))


def measure(lsk, work, options, environment):
    rows = []
    for batch in (1, options.batch):
        with Server(lsk, work, batch) as server:
            warm = load(server, 4, 2, environment)
            if warm["failed"] == warm["requests"]:
                sys.exit(f"All of {warm['requests']} requests failed: is the store that of the model?")
            for connections in options.connections:
                requests, runs = server.batches()
                row = load(server, connections, options.seconds, environment)
                after, runs_after = server.batches()
                row |= {"batch": batch, "connections": connections, "rate": row["requests"] / row["seconds"], "perRun": (after - requests) / max(1, runs_after - runs)}
                rows.append(row)
                print(f"batch {batch}, {connections} connections: {row['rate']:,.0f} requests/s, median {row['p50'] / 1000:.2f} ms, 99 % {row['p99'] / 1000:.2f} ms, "
                      f"{row['perRun']:.1f} requests a run, {row['failed'] + row['socketErrors']} failed", flush=True)
    return rows


def markdown(result):
    shape = result["shape"]
    lines = [
        "# Load on `lsk serve`", "",
        f"VISTA of width {shape['width']}, {shape['heads']} heads, {shape['tokens']} tokens per user as int8 in SQLite, {shape['candidates']} candidates a request, {shape['users']:,} users; wrk on the "
        f"same machine, {shape['seconds']} s each. Batch: most requests that are scored in one run of the model.", "",
        "| batch | connections | requests/s | over batch 1 | median | 90 % | 99 % | requests a run | failed |", "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    alone = {row["connections"]: row["rate"] for row in result["rows"] if row["batch"] == 1}
    for row in result["rows"]:
        over = "" if row["batch"] == 1 else f"{row['rate'] / alone[row['connections']]:.2f}"
        lines.append(f"| {row['batch']} | {row['connections']} | {row['rate']:,.0f} | {over} | {row['p50'] / 1000:.2f} ms | {row['p90'] / 1000:.2f} ms | {row['p99'] / 1000:.2f} ms "
                     f"| {row['perRun']:.1f} | {row['failed'] + row['socketErrors']} |")
    machine = result["machine"]
    return "\n".join([*lines, "", f"Machine: {machine['processor']}, {machine['threads']} threads, load {machine['load']:.1f} before. Commit {result['commit']}, {result['date']}.", "", f"    {result['command']}", ""])


def command_of(parser, options):
    """The command line without what is of this machine alone."""
    words = ["bench/serving/load.py"]
    for action in parser._actions:
        value = getattr(options, action.dest, None)
        if action.dest not in ("help", "out", "work", "lsk") and value != action.default:
            words += [action.option_strings[0], *map(str, value if isinstance(value, list) else [value])]
    return shlex.join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="result files: OUT.json and OUT.md; default: print the table only")
    parser.add_argument("--work", default=os.path.join(ROOT, "artifacts", "load"), help="folder for log, model and store (default: %(default)s)")
    parser.add_argument("--lsk", default=f"dotnet {ROOT}/src/LongSeqKernels.Cli/bin/Release/net10.0/lsk.dll", help="how lsk is started (default: %(default)s)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32], help="open connections (default: 1 8 32)")
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=32, help="most requests that are scored together, measured against 1 (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=100, help="of a request (default: %(default)s)")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=1, help="of the summariser (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--events", type=int, default=2000)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not on this machine: it is a Debian package of that name.")
    lsk = shlex.split(options.lsk)
    before = os.getloadavg()[0]
    prepare(lsk, options.work, options)
    environment = dict(os.environ, LSK_USERS=users_of(lsk, options.work), LSK_ITEMS=str(items_of(os.path.join(options.work, "load.lskmodel"))), LSK_CANDIDATES=str(options.candidates))
    rows = measure(lsk, options.work, options, environment)
    info = json.loads(run(lsk, "info", "--json", cwd=options.work))
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    result = {
        "what": "serving-load", "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "commit": commit,
        "machine": {"processor": info["machine"]["processor"], "threads": info["machine"]["threads"], "load": before},
        "command": command_of(parser, options),
        "shape": {name: getattr(options, name) for name in ("width", "heads", "tokens", "candidates", "users", "seconds")}, "rows": rows,
    }
    text = markdown(result)
    print(text)
    if options.out:
        for path, content in ((options.out + ".json", json.dumps(result, indent=2) + "\n"), (options.out + ".md", text)):
            with open(path + ".new", "w") as file:
                file.write(content)
            os.replace(path + ".new", path)
    return 1 if any(row["failed"] or row["socketErrors"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
