"""PyTorch on the CPU. layout=rows keeps K and V as [L, H, d] (what a model's projection leaves); layout=heads copies them to [H, L, d] beforehand."""
import math

import torch
import torch.nn.functional as F

from inputs import uniform
from protocol import serve


def attention(case, dtype):
    T, H, d, L = case["targets"], case["heads"], case["width"], case["length"]
    q = torch.from_numpy(uniform(T * H * d, 1)).view(1, T, H, d).transpose(1, 2).contiguous().to(dtype)
    if case["op"] == "shared":
        x = torch.from_numpy(uniform(L * d, 2)).view(1, 1, L, d).to(dtype)
        rows = q.view(1, 1, H * T, d)
        run = lambda: F.scaled_dot_product_attention(rows, x, x).view(1, H, T, d)
    else:
        k = torch.from_numpy(uniform(L * H * d, 2)).view(1, L, H, d).to(dtype).transpose(1, 2)
        v = torch.from_numpy(uniform(L * H * d, 3)).view(1, L, H, d).to(dtype).transpose(1, 2)
        if case.get("layout") == "heads":
            k, v = k.contiguous(), v.contiguous()
        run = lambda: F.scaled_dot_product_attention(q, k, v)
    return run, lambda: run().transpose(1, 2).float().numpy()


def attention_backward(case, dtype):
    T, H, d, L = case["targets"], case["heads"], case["width"], case["length"]
    leaf = lambda n, seed, *shape: torch.from_numpy(uniform(n, seed)).view(*shape).to(dtype).requires_grad_()
    q = leaf(T * H * d, 1, 1, T, H, d)
    k, v = leaf(L * H * d, 2, 1, L, H, d), leaf(L * H * d, 3, 1, L, H, d)
    gradient = torch.from_numpy(uniform(T * H * d, 4)).view(1, T, H, d).to(dtype).transpose(1, 2)
    with torch.enable_grad():
        out = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
    run = lambda: torch.autograd.grad(out, (q, k, v), gradient, retain_graph=True)
    return run, lambda: run()[1].float().numpy()


def gated_ffn(case, dtype):
    n, D, hidden = case["length"], case["width"], case["hidden"]
    x = torch.from_numpy(uniform(n * D, 1)).view(n, D).to(dtype)
    # nn.Linear keeps its weight as [out, in]
    weight = lambda rows, columns, seed: torch.from_numpy(uniform(rows * columns, seed)).view(rows, columns).div(math.sqrt(rows)).to(dtype).t().contiguous()
    up, gate, down = weight(D, hidden, 2), weight(D, hidden, 3), weight(hidden, D, 4)
    run = lambda: F.layer_norm(F.linear(F.linear(x, up) * F.silu(F.linear(x, gate)), down), (D,))
    return run, lambda: run().float().numpy()


def linear(case, dtype):
    n, D, out = case["length"], case["width"], case["hidden"]
    x = torch.from_numpy(uniform(n * D, 1)).view(n, D).to(dtype)
    weight = torch.from_numpy(uniform(D * out, 2)).view(D, out).to(dtype).t().contiguous()
    run = lambda: F.linear(x, weight)
    return run, lambda: run().float().numpy()


def make(case):
    torch.set_grad_enabled(False)
    torch.set_num_threads(case["threads"])
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[case["dtype"]]
    makers = {"cross": attention, "shared": attention, "cross-backward": attention_backward, "ffn": gated_ffn, "linear": linear}
    return makers[case["op"]](case, dtype)


serve(make)
