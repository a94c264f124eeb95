"""A worker that computes nothing: it answers with the time that its argument says, give or take a few percent, now and then disturbed. "refuse" makes it know no case."""
import random
import sys

seconds, draw = sys.argv[1], random.Random(int(sys.argv[2]))
for line in sys.stdin:
    words = line.split()
    if words[0] == "setup":
        print("err op is unknown" if seconds == "refuse" else "ok", flush=True)
    elif words[0] == "go":
        times = [float(seconds) * draw.uniform(0.97, 1.03) * (5 if draw.random() < 0.1 else 1) for _ in range(int(words[1]))]
        print(" ".join(f"{time:.9f},{time:.9f}" for time in times), flush=True)
