"""PyTorch on the CPU. layout=rows keeps K and V as [L, H, d] (what a model's projection leaves); layout=heads copies them to [H, L, d] beforehand.

Every maker returns (run, result): what is timed, and the tensor that is compared, the same as in src/LongSeqKernels.Cli/Benchmarks. Operations that PyTorch has no name for
are written with the fewest passes that it has operators for.
"""
import math

import torch
import torch.nn.functional as F

from inputs import uniform, whole
from protocol import serve


class Case:
    """Sizes and tensors of one case."""

    def __init__(self, words):
        self.words = words
        self.dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[words["dtype"]]
        self.length, self.heads, self.width = words.get("length", 1), words.get("heads", 1), words["width"]
        self.seeds, self.model = words.get("seeds", 64), self.heads * self.width
        self.backward = words["direction"] == "backward"

    def tensor(self, seed, *shape, factor=1.0, dtype=None):
        made = torch.empty(*shape, dtype=dtype or self.dtype)  # aligned to cache lines, which numpy's memory is not
        made.copy_(torch.from_numpy(uniform(math.prod(shape), seed, factor)).view(*shape))
        return made.requires_grad_(self.backward)

    def gradient(self, seed, *shape):
        return self.tensor(seed, *shape).detach()

    def runs(self, forward, leaves, gradient, compared):
        """The forward, or all gradients of the leaves; `compared` indexes the gradient that is the result."""
        if not self.backward:
            return forward, lambda: forward().float().numpy()
        out = forward()
        run = lambda: torch.autograd.grad(out, leaves, gradient, retain_graph=True)
        return run, lambda: run()[compared].float().numpy()


def attention(case):
    T = case.seeds if case.words["op"] == "summary-pooling" else case.words["targets"]
    H, d, L = case.heads, case.width, case.length
    q, k, v = case.tensor(1, 1, T, H, d), case.tensor(2, 1, L, H, d), case.tensor(3, 1, L, H, d)
    queries, keys, values = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    if not case.backward:
        queries = queries.contiguous()
        if case.words.get("layout") == "heads":
            keys, values = keys.contiguous(), values.contiguous()
    forward = lambda: F.scaled_dot_product_attention(queries, keys, values).transpose(1, 2)
    return case.runs(forward, (q, k, v), case.gradient(4, 1, T, H, d), 1)


def shared_history(case):
    T, H, D, L = case.words["targets"], case.heads, case.model, case.length
    q, x = case.tensor(1, T, H, D), case.tensor(2, 1, 1, L, D)
    forward = lambda: F.scaled_dot_product_attention(q.view(1, 1, T * H, D), x, x, scale=case.width**-0.5).view(T, H, D)
    return case.runs(forward, (q, x), case.gradient(4, T, H, D), 1)


def encoded_history(case):
    T, H, d, L = case.words["targets"], case.heads, case.width, case.length
    q = case.tensor(1, 1, T, H, d).transpose(1, 2).contiguous()
    stored = [encode(case.tensor(seed, L, H, d)) for seed in (2, 3)]
    decoded = lambda codes, scales: codes.to(torch.float32).mul_(scales).view(1, L, H, d).transpose(1, 2)
    run = lambda: F.scaled_dot_product_attention(q, *(decoded(*one) for one in stored)).transpose(1, 2)
    return run, lambda: run().numpy()


def gated_ffn(case):
    n, D, hidden = case.length, case.model, 2 * case.model
    x = case.tensor(1, n, D)
    # nn.Linear keeps its weight as [out, in]
    weight = lambda rows, columns, seed: case.tensor(seed, rows, columns, factor=rows**-0.5).detach().t().contiguous().requires_grad_(case.backward)
    up, gate, down = weight(D, hidden, 2), weight(D, hidden, 3), weight(hidden, D, 4)
    forward = lambda: F.layer_norm(F.linear(F.linear(x, up) * F.silu(F.linear(x, gate)), down), (D,))
    return case.runs(forward, (x, up, gate, down), case.gradient(5, n, D), 0)


def linear(case):
    n, D = case.length, case.model
    x = case.tensor(1, n, D)
    weight = case.tensor(2, D, D, factor=D**-0.5)
    stored = weight.detach().t().contiguous().requires_grad_(case.backward)
    run, result = case.runs(lambda: F.linear(x, stored), (x, stored), case.gradient(3, n, D), 1)
    return run, (lambda: result().T) if case.backward else result


def layer_norm(case):
    n, D = case.length, case.model
    x, gain, bias = case.tensor(1, n, D), case.tensor(2, D), case.tensor(3, D)
    return case.runs(lambda: F.layer_norm(x, (D,), gain, bias), (x, gain, bias), case.gradient(4, n, D), 0)


def linear_attention_state(case):
    L, H, d = case.length, case.heads, case.width
    k, v = case.tensor(1, L, H, d), case.tensor(2, L, H, d)
    forward = lambda: F.silu(k).permute(1, 2, 0) @ v.permute(1, 0, 2)
    return case.runs(forward, (k, v), case.gradient(3, H, d, d), 1)


def linear_attention_read(case):
    L, H, d = case.length, case.heads, case.width
    q, state = case.tensor(1, L, H, d), case.tensor(2, H, d, d)
    forward = lambda: (F.silu(q).transpose(0, 1) @ F.silu(state)).transpose(0, 1)
    return case.runs(forward, (q, state), case.gradient(3, L, H, d), 0)


def sketch_attention(case):
    L, M, D = case.length, case.seeds, case.model
    prototypes, keys, values = case.tensor(1, M, D), case.tensor(2, L, D), case.tensor(3, L, D)
    forward = lambda: torch.softmax((prototypes * D**-0.5) @ keys.T, dim=0) @ values
    return case.runs(forward, (prototypes, keys, values), case.gradient(4, M, D), 2)


def merge_states(case):
    rows, parts = case.words["targets"] * case.heads, 8
    outputs, sums = case.tensor(1, parts, rows, case.width), case.tensor(2, parts, rows)
    forward = lambda: torch.einsum("pr,prw->rw", torch.softmax(sums, dim=0), outputs)
    return case.runs(forward, (outputs, sums), case.gradient(3, rows, case.width), 0)


def segment_reduce(case):
    n, D = case.length, case.model
    if not case.backward:
        x = case.tensor(1, n, D)
        return case.runs(lambda: x.mean(0), None, None, None)
    gradient = case.gradient(2, D)
    run = lambda: (gradient / n).expand(n, D).contiguous()
    return run, lambda: run().float().numpy()


def time_embedding(case):
    n, D, span, buckets = case.length, case.model, 1_000_000, 32
    times = torch.from_numpy(whole(n, 1, span))
    rows = case.tensor(2, n, D).detach()

    def bucket():
        gaps = span - times
        return (1 + 2 * torch.log2(1 + gaps / 60)).long().clamp_(max=buckets - 1).masked_fill_(gaps <= 0, 0)

    if not case.backward:
        table = case.tensor(3, buckets, D, factor=1e-12)
        return (lambda: rows.add_(table[bucket()])), lambda: rows.float().numpy()
    run = lambda: torch.zeros(buckets, D, dtype=case.dtype).index_add_(0, bucket(), rows)
    return run, lambda: run().float().numpy()


def encode(rows):
    scales = rows.abs().amax(-1, keepdim=True).div_(127)
    return (rows / scales).round_().to(torch.int8), scales


def summary_encode(case):
    rows = case.tensor(1, case.length, case.model)
    run = lambda: encode(rows)
    return run, lambda: run()[1].numpy()


def summary_decode(case):
    codes, scales = encode(case.tensor(1, case.length, case.model))
    run = lambda: codes.to(torch.float32).mul_(scales)
    return run, lambda: run().numpy()


MAKERS = {
    "cross-attention": attention,
    "summary-pooling": attention,
    "shared-history": shared_history,
    "encoded-history": encoded_history,
    "gated-ffn": gated_ffn,
    "linear": linear,
    "layer-norm": layer_norm,
    "linear-attention-state": linear_attention_state,
    "linear-attention-read": linear_attention_read,
    "sketch-attention": sketch_attention,
    "merge-states": merge_states,
    "segment-reduce": segment_reduce,
    "time-embedding": time_embedding,
    "summary-encode": summary_encode,
    "summary-decode": summary_decode,
}


def make(words):
    torch.set_grad_enabled(words["direction"] == "backward")
    torch.set_num_threads(words["threads"])
    return MAKERS[words["op"]](Case(words))


serve(make)
