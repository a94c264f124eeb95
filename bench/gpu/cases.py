"""The cases that are measured on a GPU, as data: shapes, the peers they are held against, and the bars (ratio: best peer's time over ours).

A case names one batch: `segments` requests with histories of `length` events (all equal, or Zipf-distributed with that mean), `targets` queries each,
`heads` heads of `width` elements. With form "shared" one history [L, width] is key and value of every head; with "projected" keys and values are
[L, heads, width]. Rows are targets x heads: the queries that share one history.
"""
import dataclasses

# What a case may ask of the peers: see peers.py for how each is run.
SDPA = ("sdpa",)
SDPA_AND_COMPILED = ("sdpa", "flex", "naive")
RAGGED = ("varlen", "nested", "per request", "flex")


@dataclasses.dataclass(frozen=True)
class Case:
    group: str                      # the line of the table of bars
    operation: str                  # cross attention | pooling | linear pooling | layer
    segments: int
    length: int
    targets: int
    heads: int
    width: int
    form: str = "shared"            # shared | projected
    lengths: str = "equal"          # equal | zipf
    dtype: str = "bf16"             # fp32 | bf16 | fp16
    encoding: str = ""              # of a cached projected history: fp16 | int8 codes and a scale per row; "" for elements of dtype
    direction: str = "forward"      # forward | backward
    peers: tuple = SDPA
    bars: tuple = ()                # (peer or "best", ratio that a release needs)
    stretch: float | None = None    # ratio to the best peer that we would be proud of
    microseconds: float | None = None  # absolute bar, where launches decide

    @property
    def name(self):
        """Unique, and the same in every run: results of different days are matched by it."""
        direction = "" if self.direction == "forward" else " backward"
        zipf = " zipf" if self.lengths == "zipf" else ""
        peers = f" against {self.peers[0]}" if self.peers[0] in ("broadcast", "deterministic") else ""
        cached = f" cached in {self.encoding}" if self.encoding else ""
        return f"{self.operation}{direction} {self.form} {self.dtype}{cached} B={self.segments} L={self.length}{zipf} T={self.targets} H={self.heads} d={self.width}{peers}"

    @property
    def rows(self):
        return self.targets * self.heads

    @property
    def element_bytes(self):
        return 4 if self.dtype == "fp32" else 2

    @property
    def history_heads(self):
        return 1 if self.form == "shared" else self.heads

    def history_lengths(self):
        return [self.length] * self.segments if self.lengths == "equal" else zipf_lengths(self.segments, self.length)

    def tiny(self):
        """The same case at sizes that an emulator runs in a blink."""
        return dataclasses.replace(
            self, segments=min(self.segments, 2), length=min(self.length, 70), targets=min(self.targets, 9), heads=min(self.heads, 2), width=min(self.width, 64)
        )


def zipf_lengths(segments, mean):
    """Lengths proportional to 1 / rank with the given mean, dealt so that neighbours differ: rank 0, then the last, then rank 1, ..."""
    total = segments * mean
    weights = [1.0 / rank for rank in range(1, segments + 1)]
    factor = total / sum(weights)
    ranked = [max(1, int(weight * factor)) for weight in weights]
    ranked[0] += total - sum(ranked)
    return [ranked[i // 2] if i % 2 == 0 else ranked[segments - 1 - i // 2] for i in range(segments)]


def thin():
    bars = (("best", 1.25), ("flash", 1.5), ("cudnn", 2.0))
    for width in (64, 128, 256):
        for targets, heads in ((1, 1), (1, 8), (16, 1), (4, 8)):
            yield Case("thin, equal lengths", "cross attention", 128, 10_000, targets, heads, width, peers=SDPA_AND_COMPILED, bars=bars, stretch=1.5)
    yield Case("thin, equal lengths", "cross attention", 16, 100_000, 16, 1, 128, peers=SDPA_AND_COMPILED, bars=bars, stretch=1.5)
    yield Case("thin, equal lengths", "cross attention", 128, 10_000, 16, 1, 128, dtype="fp16", peers=SDPA_AND_COMPILED, bars=bars, stretch=1.5)
    yield Case("thin, equal lengths", "cross attention", 128, 10_000, 16, 1, 128, dtype="fp32", bars=(("best", 1.25),), stretch=1.5)


def thin_uneven():
    for targets, heads in ((1, 8), (16, 1)):
        yield Case("thin, Zipf lengths or few requests", "cross attention", 128, 10_000, targets, heads, 128, lengths="zipf", peers=RAGGED, bars=(("best", 2.5),), stretch=5.0)
    for segments, length in ((16, 10_000), (1, 100_000)):
        yield Case("thin, Zipf lengths or few requests", "cross attention", segments, length, 16, 1, 128, peers=SDPA_AND_COMPILED, bars=(("best", 2.5),), stretch=5.0)


def launch_bound():
    for length in (1_000, 10_000):
        for targets, heads in ((1, 1), (16, 1)):
            yield Case("launch-bound, one request", "cross attention", 1, length, targets, heads, 128, peers=SDPA_AND_COMPILED, bars=(("best", 1.5),), microseconds=6.0)


def medium():
    for width in (64, 128, 256):
        for targets, heads in ((16, 4), (16, 8)):
            yield Case("medium, 64 to 128 rows", "cross attention", 128, 10_000, targets, heads, width, peers=SDPA_AND_COMPILED, bars=(("best", 1.4),), stretch=1.8)


def fat():
    for width, bar, stretch in ((128, 0.97, 1.08), (256, 1.08, 1.2), (64, 1.2, 1.35)):
        for targets, heads in ((128, 4), (128, 8)):
            yield Case(f"fat, D={width}", "cross attention", 64, 10_000, targets, heads, width, peers=SDPA_AND_COMPILED, bars=(("best", bar),), stretch=stretch)


def backward():
    for targets, heads in ((16, 1), (16, 4), (16, 8)):
        yield Case("backward, up to 128 rows", "cross attention", 64, 10_000, targets, heads, 128, direction="backward", bars=(("best", 2.0),), stretch=3.0)
    for targets, heads in ((128, 4), (128, 8)):
        yield Case("backward, fat, D=128", "cross attention", 32, 10_000, targets, heads, 128, direction="backward", bars=(("best", 1.05),), stretch=1.15)
    # Ours has no other mode than the deterministic one, so that these lose nothing against the lines above.
    for targets, heads, bar in ((16, 8, 2.0), (128, 4, 1.05)):
        yield Case("backward, deterministic", "cross attention", 32, 10_000, targets, heads, 128, direction="backward", peers=("deterministic",), bars=(("best", bar),))


def pooling():
    for length in (100_000, 1_000_000):
        yield Case("pooling, 256 seeds, one user", "pooling", 1, length, 256, 4, 32, form="projected", bars=(("best", 5.0),), stretch=10.0)
    yield Case("pooling, 256 seeds, one user", "pooling", 1, 100_000, 256, 1, 128, peers=SDPA_AND_COMPILED, bars=(("best", 5.0),), stretch=10.0)
    yield Case("pooling, 256 seeds, 128 users", "pooling", 128, 10_000, 256, 4, 32, form="projected", bars=(("best", 1.6),), stretch=2.0)


def linear_pooling():
    for segments, length, heads, width in ((1, 1_000_000, 4, 32), (128, 10_000, 4, 32), (128, 10_000, 2, 64)):
        yield Case("linear pooling", "linear pooling", segments, length, 0, heads, width, form="projected", peers=("linear pooling",), bars=(("best", 1.5),), stretch=2.5)


def candidates():
    for targets, tokens, heads, width in ((512, 256, 4, 32), (512, 256, 8, 16), (1024, 512, 4, 64), (128, 128, 4, 32)):
        yield Case("candidates to cached summaries", "cross attention", 128, tokens, targets, heads, width, form="projected", peers=SDPA_AND_COMPILED, bars=(("best", 1.5),), stretch=2.5)
    # The peers decode the cache, then attend: both are in their time.
    for encoding in ("int8", "fp16"):
        for targets, tokens, heads, width in ((512, 256, 4, 32), (1024, 512, 4, 64), (16, 512, 4, 64)):
            yield Case(
                "candidates to encoded summaries", "cross attention", 128, tokens, targets, heads, width, form="projected", encoding=encoding, peers=("decoded",), bars=(("best", 1.5),), stretch=2.5
            )


def formulations():
    yield Case("against materialised broadcast", "cross attention", 8, 10_000, 64, 1, 128, peers=("broadcast",), bars=(("best", 10.0),))
    for segments in (1, 16):
        yield Case("layer, projections included", "layer", segments, 10_000, 512, 8, 16, form="projected", peers=("layer",), bars=(("best", 1.5),), stretch=2.0)


def all_cases():
    """Every case, the first of each group first: when time runs out, every group has been looked at."""
    makers = (thin, thin_uneven, formulations, launch_bound, medium, fat, pooling, linear_pooling, candidates, backward)
    cases = [case for maker in makers for case in maker()]
    seen = {}
    order = []
    for case in cases:
        seen[case.group] = seen.get(case.group, 0) + 1
        order.append(seen[case.group])
    return [case for _, case in sorted(zip(order, cases), key=lambda pair: pair[0])]
