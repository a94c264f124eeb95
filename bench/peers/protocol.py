"""The line protocol of the workers, shared by the Python ones (the C# and C++ workers speak it too).

    setup key=value ...    makes the inputs of one case and warms it up; answers "ok" or "err <why>"
    go <n>                 runs the case n times; answers "wall,cpu wall,cpu ..." in seconds
    check                  answers numbers of the result that must agree between workers
    quit

Our own worker also answers
    work                   {"flops", "bytes", "shape"}: what a run must do at least, and the sizes in words
    roofline <threads>     the measured roofs of this machine
"""
import sys
import time


def case_of(words):
    case = dict(word.split("=", 1) for word in words)
    return {key: int(value) if value.lstrip("-").isdigit() else value for key, value in case.items()}


def digest(values):
    """The sum of squares and four elements, enough to see that two workers computed the same thing."""
    import numpy as np

    flat = np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
    n = flat.size
    return "%.9g %.9g %.9g %.9g %.9g" % ((flat**2).sum(), flat[0], flat[n // 4], flat[n // 2], flat[n * 3 // 4])


def serve(make):
    """make(case) -> (run, result): run() executes once, result() returns the output as a numpy array."""
    run = result = None
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        if words[0] == "quit":
            break
        try:
            if words[0] == "setup":
                run = result = None
                run, result = make(case_of(words[1:]))
                run()
                print("ok", flush=True)
            elif words[0] == "go":
                times = []
                for _ in range(int(words[1])):
                    cpu, wall = time.process_time(), time.perf_counter()
                    run()
                    wall = time.perf_counter() - wall
                    times.append("%.9f,%.9f" % (wall, time.process_time() - cpu))
                print(" ".join(times), flush=True)
            elif words[0] == "check":
                run()
                print(digest(result()), flush=True)
        except Exception as error:  # a worker answers every line; the driver shows the reason beside the case
            print("err", str(error).split("\n")[0], flush=True)
