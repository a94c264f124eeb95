"""The cases that are compared, and the bars that the managed backend is held to (ratio: best peer's time over ours).

A name stands for one line of words but for the length. The words are what every worker understands: op (a name of
src/LongSeqKernels.Cli/Benchmarks/BenchCatalogue.cs), direction, dtype, threads, length (events, or rows of a layer), targets, heads, width (of a head;
the model width is heads x width), seeds, encoding. Bars are for all threads of a machine.
"""
import os

WORDS = ("op", "direction", "dtype", "threads", "targets", "seeds", "heads", "width", "length", "encoding")
LONG = (10_000, 100_000)
ALL_LENGTHS = (1_000, *LONG)


def of(name, bar, lengths, op="cross-attention", against=("torch",), **words):
    base = {"op": op, "direction": "forward", "dtype": "fp32", "heads": 4, "width": 64, **words}
    return [{"name": name, "bar": bar, "against": list(against), **base, "length": length} for length in lengths]


def attention():
    everybody = ("torch", "onnxruntime", "onednn")
    yield from of("one target", 1.3, ALL_LENGTHS, targets=1)
    yield from of("one target, bf16", 6.0, LONG, targets=1, dtype="bf16")
    yield from of("16 targets", 3.0, ALL_LENGTHS, targets=16)
    yield from of("128 targets", 2.5, ALL_LENGTHS, targets=128)
    yield from of("128 targets, against ONNX Runtime", 1.7, LONG, targets=128, against=("onnxruntime",))
    for width in (64, 128):
        shared = {"op": "shared-history", "heads": 8, "width": width // 8}
        yield from of(f"shared history, D={width}, 16 targets", 2.0, LONG, targets=16, **shared)
        yield from of(f"shared history, D={width}, 128 targets", 1.5, LONG, targets=128, **shared)
    yield from of("pooling, 64 seeds", 2.5, LONG, op="summary-pooling", seeds=64)
    yield from of("pooling, 256 seeds", 2.0, LONG, op="summary-pooling", seeds=256)
    yield from of("candidates to cached summaries", 1.2, (64, 256, 512), targets=128, against=everybody)
    yield from of("candidates to cached summaries, one thread", 1.2, (64, 256, 512), targets=128, against=everybody, threads=1)
    yield from of("candidates to int8 summaries", None, (64, 256, 512), op="encoded-history", encoding="int8", targets=128)


def attention_backward():
    for targets in (1, 16, 128):
        yield from of(f"backward, {targets} target{'s' if targets > 1 else ''}", None, (10_000,), direction="backward", targets=targets)
    yield from of("shared history backward, D=128, 16 targets", None, (10_000,), op="shared-history", direction="backward", heads=8, width=16, targets=16)
    yield from of("shared history backward, D=128, 128 targets", None, (10_000,), op="shared-history", direction="backward", heads=8, width=16, targets=128)
    yield from of("pooling backward, 64 seeds", None, (10_000,), op="summary-pooling", direction="backward", seeds=64)


def layers():
    for width in (64, 128, 256, 1024):
        yield from of(f"gated FFN + layer norm, D={width}", 1.0, (2_000 if width == 1024 else 10_000,), op="gated-ffn", heads=1, width=width)
    yield from of("gated FFN + layer norm backward, D=128", None, (10_000,), op="gated-ffn", direction="backward", heads=1, width=128)
    for direction in ("forward", "backward"):
        suffix = "" if direction == "forward" else " backward"
        rows = {"direction": direction, "heads": 1, "width": 128}
        yield from of("linear" + suffix, None, (10_000,), op="linear", **rows)
        yield from of("layer norm" + suffix, None, (10_000,), op="layer-norm", **rows)
        yield from of("linear attention, state" + suffix, None, LONG, op="linear-attention-state", direction=direction)
        yield from of("linear attention, read" + suffix, None, LONG, op="linear-attention-read", direction=direction)
        yield from of("sketch attention, 64 prototypes" + suffix, None, LONG, op="sketch-attention", direction=direction, seeds=64, width=32)
        yield from of("merge of 8 states, 128 targets" + suffix, None, (1,), op="merge-states", direction=direction, targets=128)
        yield from of("mean of rows" + suffix, None, (10_000,), op="segment-reduce", **rows)
        yield from of("time embedding" + suffix, None, (10_000,), op="time-embedding", **rows)
    yield from of("summary codec, int8 encode", None, (10_000,), op="summary-encode", encoding="int8")
    yield from of("summary codec, int8 decode", None, (10_000,), op="summary-decode", encoding="int8")


def all_cases(threads=os.cpu_count()):
    """Every case, with so many threads unless it says otherwise; none twice."""
    cases = {}
    for case in (*attention(), *attention_backward(), *layers()):
        if "threads" not in case:
            case |= {"threads": threads, "bar": case["bar"] if threads == os.cpu_count() else None}
        cases.setdefault((words_of(case), *case["against"]), case)
    return list(cases.values())


def names():
    return list(dict.fromkeys(case["name"] for case in all_cases()))


def words_of(case):
    return " ".join(f"{key}={case[key]}" for key in WORDS if key in case)
