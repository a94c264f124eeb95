"""Cross attention through the C ABI from Python, with ctypes and nothing else: one batch of three users, the second of whom has no history yet.

    python3 cross_attention.py FOLDER/liblongseqkernels_abi1.so

Prints the log-sum-exp of every target and head; without a history it is -infinity, and the output is zero. Ends with 1 where the numbers are not
those of attention computed in plain Python.
"""
import ctypes
import math
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int32, c_int64, c_uint32, c_void_p, sizeof

HEADS, WIDTH, SCALE = 2, 8, 0.5
TARGET_OFFSETS = [0, 2, 3, 4]   # two targets for the first user, one for each other
HISTORY_OFFSETS = [0, 5, 5, 7]  # five events, none, two

# Constants of lsk.h.
FLOAT32 = PROJECTED = SOFTMAX = FORWARD = MEMORY_DEVICE = HOST_TO_DEVICE = 0
DEVICE_TO_HOST = 1
MEMORY_WORKSPACE = 2


class Shape(Structure):
    """lsk_cross_attention_shape."""
    _fields_ = [("struct_size", c_uint32)] + [(name, c_int32) for name in (
        "dtype", "output_dtype", "form", "heads", "head_width", "key_value_heads", "queries_per_target", "broadcast_queries", "score")] + [
        ("scale", c_float), ("soft_cap", c_float), ("score_divisor", c_float), ("history_encoding", c_int32), ("segments", c_int64),
        ("target_offsets", POINTER(c_int64)), ("history_offsets", POINTER(c_int64)), ("history_limits", POINTER(c_int64))]


class Tensors(Structure):
    """lsk_cross_attention_tensors."""
    _fields_ = [("struct_size", c_uint32)] + [(name, c_void_p) for name in (
        "queries", "keys", "values", "key_scales", "value_scales", "key_bias", "output", "log_sum_exp")]


def load(path):
    """The library, with a function `call` that turns a failed status into an exception with the library's text."""
    library = ctypes.CDLL(path)
    library.lsk_last_error.restype = c_char_p

    def call(function, *arguments):
        status = getattr(library, function)(*arguments)
        if status != 0:
            raise RuntimeError(f"{function}: status {status}: {library.lsk_last_error().decode()}")

    return call


def projections(count, step):
    """What a model would compute: here numbers between -1 and 1."""
    return [(i * step % 17 - 8) / 8 for i in range(count)]


def attend(call, queries, keys, values):
    """Output [T, H, dh] and log-sum-exp [T, H] of a batch."""
    context, stream, plan = c_void_p(), c_void_p(), c_void_p()
    call("lsk_context_create", c_int32(0), byref(context))
    call("lsk_stream_create", context, byref(stream))
    offsets = [(c_int64 * len(o))(*o) for o in (TARGET_OFFSETS, HISTORY_OFFSETS)]
    shape = Shape(struct_size=sizeof(Shape), dtype=FLOAT32, output_dtype=FLOAT32, form=PROJECTED, heads=HEADS, head_width=WIDTH, key_value_heads=HEADS,
                  queries_per_target=1, score=SOFTMAX, scale=SCALE, segments=len(TARGET_OFFSETS) - 1, target_offsets=offsets[0], history_offsets=offsets[1])
    call("lsk_cross_attention_plan", context, byref(shape), byref(plan))

    buffers = []

    def allocate(size, kind=MEMORY_DEVICE):
        buffer, address = c_void_p(), c_void_p()
        call("lsk_buffer_create", context, c_int32(kind), c_int64(size), byref(buffer))
        call("lsk_buffer_pointer", buffer, byref(address))
        buffers.append(buffer)
        return buffer, address

    def upload(numbers):
        host = (c_float * len(numbers))(*numbers)
        address = allocate(sizeof(host))[1]
        call("lsk_copy", stream, address, host, c_int64(sizeof(host)), c_int32(HOST_TO_DEVICE))
        call("lsk_stream_synchronize", stream)  # `host` goes out of scope
        return address

    def download(address, count):
        host = (c_float * count)()
        call("lsk_copy", stream, host, address, c_int64(sizeof(host)), c_int32(DEVICE_TO_HOST))
        call("lsk_stream_synchronize", stream)
        return list(host)

    rows = TARGET_OFFSETS[-1] * HEADS
    output, log_sum_exp = allocate(4 * rows * WIDTH)[1], allocate(4 * rows)[1]
    tensors = Tensors(struct_size=sizeof(Tensors), queries=upload(queries), keys=upload(keys), values=upload(values), output=output, log_sum_exp=log_sum_exp)
    workspace_bytes = c_int64()
    call("lsk_plan_workspace_bytes", plan, c_int32(FORWARD), byref(workspace_bytes))
    workspace = allocate(workspace_bytes.value, MEMORY_WORKSPACE)[0]
    call("lsk_cross_attention_forward", plan, byref(tensors), workspace, stream)
    result = download(output, rows * WIDTH), download(log_sum_exp, rows)

    for buffer in buffers:
        call("lsk_buffer_destroy", buffer)
    call("lsk_plan_destroy", plan)
    call("lsk_stream_destroy", stream)
    call("lsk_context_destroy", context)
    return result


def expected_row(query, keys, values):
    """One target and head, by the definition."""
    logits = [SCALE * sum(q * k for q, k in zip(query, key)) for key in keys]
    if not logits:
        return [0.0] * WIDTH, -math.inf
    lse = math.log(sum(math.exp(logit) for logit in logits))
    return [sum(math.exp(logit - lse) * value[i] for logit, value in zip(logits, values)) for i in range(WIDTH)], lse


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    targets, events = TARGET_OFFSETS[-1], HISTORY_OFFSETS[-1]
    queries, keys, values = projections(targets * HEADS * WIDTH, 7), projections(events * HEADS * WIDTH, 5), projections(events * HEADS * WIDTH, 3)
    output, log_sum_exp = attend(load(sys.argv[1]), queries, keys, values)

    def row(tensor, index, head):
        start = (index * HEADS + head) * WIDTH
        return tensor[start:start + WIDTH]

    wrong = False
    for user, first in enumerate(HISTORY_OFFSETS[:-1]):
        history = range(first, HISTORY_OFFSETS[user + 1])
        for target in range(TARGET_OFFSETS[user], TARGET_OFFSETS[user + 1]):
            for head in range(HEADS):
                o, lse = expected_row(row(queries, target, head), [row(keys, j, head) for j in history], [row(values, j, head) for j in history])
                is_close = all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(row(output, target, head), o))
                wrong |= not (is_close and math.isclose(log_sum_exp[target * HEADS + head], lse, abs_tol=1e-5))
            lses = " ".join(f"{lse:.4f}" for lse in log_sum_exp[target * HEADS:(target + 1) * HEADS])
            print(f"user {user}, {len(history)} events, target {target}: LSE {lses}, first output {output[target * HEADS * WIDTH]:.4f}")
    sys.exit("These are not the numbers of attention." if wrong else 0)


if __name__ == "__main__":
    main()
