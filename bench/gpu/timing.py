"""Replaying a contender's runs and timing the replays with events of one stream."""
import math

LAUNCHES_IN_A_GRAPH = 16
SAMPLE_SECONDS = 5e-4
WARM_UP_SECONDS = 0.03


class Replay:
    """All of a contender's runs as one thing to launch: a graph, or the runs one by one where they cannot be captured."""

    def __init__(self, launch, captured, release=lambda: None):
        self.launch, self.captured, self.release = launch, captured, release


def one_by_one(runs):
    def launch():
        for run in runs:
            run()

    return launch


class Timer:
    def __init__(self, device, torch, stream, seconds):
        """`stream` is PyTorch's where the device is a GPU, else None: then nothing is timed, though everything is run."""
        self.device, self.torch, self.stream, self.seconds = device, torch, stream, seconds

    @property
    def on_gpu(self):
        return self.stream is not None

    def time(self, runs, capture):
        """Seconds per run (median and first decile), how many sets of inputs were rotated over, and whether the runs were one graph."""
        one_by_one(runs)()
        self.device.synchronize()
        rounds = math.ceil(LAUNCHES_IN_A_GRAPH / len(runs)) if self.on_gpu else 1
        replay = capture(runs * rounds)
        try:
            return {"graph": replay.captured, "sets": len(runs), **self.sample(replay.launch, len(runs) * rounds)}
        finally:
            self.device.synchronize()
            replay.release()

    def sample(self, launch, runs):
        once = self.device.elapsed(launch)
        if not self.on_gpu:
            return {"samples": 1}
        for _ in range(math.ceil(WARM_UP_SECONDS / max(once, 1e-5))):
            launch()
        once = self.device.elapsed(launch)
        repeats = max(1, math.ceil(SAMPLE_SECONDS / once))
        samples = max(5, min(100, int(self.seconds / (once * repeats))))
        several = one_by_one([launch] * repeats)
        times = sorted(self.device.elapsed(several) / (repeats * runs) for _ in range(samples))
        return {"seconds": times[samples // 2], "p10_seconds": times[samples // 10], "samples": samples}

    def capture_ours(self, runs):
        graph, library = self.device.capture(one_by_one(runs)), self.device.library
        return Replay(lambda: library.call("graph_launch", graph, self.device.stream), True, lambda: library.call("graph_destroy", graph))

    def capture_peer(self, runs):
        launch = one_by_one(runs)
        if not self.on_gpu:
            return Replay(launch, False)
        graph = self.torch.cuda.CUDAGraph()
        try:
            with self.torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                launch()
        except Exception:  # what forbids the capture differs from peer to peer; the record says that there is no graph
            self.torch.cuda.synchronize()
            return Replay(launch, False)
        return Replay(graph.replay, True, graph.reset)
