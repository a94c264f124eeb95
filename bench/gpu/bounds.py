"""What a case must at least do: bytes through device memory, operations of the matrix units, exponentials; and how long that takes on a machine with
measured ceilings. Each input is read once, each output written once; nothing else is counted, so that a share of the bound never flatters."""

# The work of one product in units of a bf16 one: fp32 accuracy takes three TF32 products at half the rate each.
MATRIX_COST = {"bf16": 1, "fp16": 1, "fp32": 6}


def history_tokens(case):
    return sum(case.history_lengths())


def layer_width(case):
    return case.heads * case.width


def bytes_moved(case):
    tokens, element = history_tokens(case), case.element_bytes
    head_bytes = {"": case.width * element, "fp16": case.width * 2, "int8": case.width + 4}[case.encoding]
    token_bytes = case.history_heads * head_bytes
    rows = case.segments * case.rows
    if case.operation == "linear pooling":
        state = case.segments * case.heads * case.width * case.width * 4
        return 2 * tokens * token_bytes + 2 * state
    if case.operation == "layer":
        width = layer_width(case)
        return tokens * width * element + 2 * width * width * element + 2 * rows * case.width * element
    history = tokens * token_bytes * (1 if case.form == "shared" else 2)
    read_rows = case.rows if case.operation == "pooling" else rows
    if case.direction == "forward":
        return history + (read_rows + rows) * case.width * element
    # Reads the history, Q, O, dO and the LSE; writes the history's gradient and dQ.
    return 2 * history + 4 * rows * case.width * element + 4 * rows


def matrix_operations(case):
    """Floating-point operations (a multiply-add is two)."""
    tokens = history_tokens(case)
    if case.operation == "linear pooling":
        return 2 * tokens * case.heads * case.width * case.width
    attention = (4 if case.direction == "forward" else 10) * tokens * case.rows * case.width
    if case.operation == "layer":
        attention += 4 * tokens * layer_width(case) ** 2
    return attention


def exponentials(case):
    tokens = history_tokens(case)
    return tokens * case.heads * case.width if case.operation == "linear pooling" else tokens * case.rows


def floor(case, ceilings):
    """(seconds, unit): the longest of the three times, and the unit that takes it. None where a ceiling is missing.

    `ceilings` has read_bytes_per_second, copy_bytes_per_second, matrix_per_second (bf16) and exp2_per_second.
    """
    needed = ("read_bytes_per_second", "copy_bytes_per_second", "matrix_per_second", "exp2_per_second")
    if any(not ceilings.get(name) for name in needed):
        return None
    # A backward writes about what it reads, like a copy; a forward mostly reads.
    bandwidth = ceilings["read_bytes_per_second"] if case.direction == "forward" else ceilings["copy_bytes_per_second"]
    times = {
        "memory": bytes_moved(case) / bandwidth,
        "matrix": matrix_operations(case) * MATRIX_COST[case.dtype] / ceilings["matrix_per_second"],
        "exp": exponentials(case) / ceilings["exp2_per_second"],
    }
    unit = max(times, key=times.get)
    return times[unit], unit
