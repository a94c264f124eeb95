"""The cases that are compared, and the bars that the managed backend is held to (ratio: best peer's time over ours)."""

LONG = (10_000, 100_000)


def cross(name, bar, against, lengths=LONG, **case):
    base = {"op": "cross", "dtype": "fp32", "heads": 4, "width": 64, "threads": 2, **case}
    return [{"name": name, "bar": bar, "against": against, **base, "length": length} for length in lengths]


def all_cases():
    cases = []
    cases += cross("one target", 1.3, ["torch"], targets=1)
    cases += cross("one target, bf16", 6.0, ["torch"], targets=1, dtype="bf16")
    cases += cross("16 targets", 3.0, ["torch"], targets=16)
    cases += cross("128 targets", 2.5, ["torch"], targets=128)
    cases += cross("128 targets", 1.7, ["onnxruntime"], targets=128)
    for width in (64, 128):
        cases += cross("shared history, 16 targets", 2.0, ["torch"], op="shared", heads=8, width=width, targets=16)
        cases += cross("shared history, 128 targets", 1.5, ["torch"], op="shared", heads=8, width=width, targets=128)
    cases += cross("pooling, 64 seeds", 2.5, ["torch"], targets=64)
    cases += cross("pooling, 256 seeds", 2.0, ["torch"], targets=256)
    for threads in (1, 2):
        cases += cross("candidates to cached summaries", 1.2, ["torch", "onnxruntime", "onednn"], lengths=(64, 256, 512), targets=128, threads=threads)
    for width in (64, 128, 256, 1024):
        rows = 2_000 if width == 1024 else 10_000
        common = {"dtype": "fp32", "width": width, "hidden": 2 * width, "length": rows, "threads": 2, "against": ["torch"]}
        cases.append({"name": "gated FFN + layer norm", "op": "ffn", "bar": 1.0, **common})
    cases += cross("backward, 128 targets", None, ["torch"], op="cross-backward", targets=128, lengths=(10_000,))
    cases += cross("backward, 16 targets", None, ["torch"], op="cross-backward", targets=16, lengths=(10_000,))
    return cases


def flops(case):
    if case["op"] == "ffn":
        return 6 * case["length"] * case["width"] * case["hidden"]
    factor = 10 if case["op"] == "cross-backward" else 4
    return factor * case["targets"] * case["heads"] * case["width"] * case["length"]


def history_bytes(case):
    if case["op"] == "ffn":
        return 2 * 4 * case["length"] * case["width"]
    heads = 1 if case["op"] == "shared" else 2 * case["heads"]
    return case["length"] * heads * case["width"] * (4 if case["dtype"] == "fp32" else 2)
