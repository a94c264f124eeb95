"""The mathematics of a case in float64, on a slice of it: what every contender is compared with before it is timed. Written over the operations that
torch.Tensor and arrays.Matrix share; each function works on one segment and one head."""
import math


def attention(q, k, v, scale):
    """softmax(scale q k^T) v."""
    weights, _ = softmax(q, k, scale)
    return weights @ v


def softmax(q, k, scale):
    """Weights, and the natural-log LSE as a column."""
    logits = (q @ k.T) * scale
    top = logits.amax(1, keepdim=True)
    weights = (logits - top).exp()
    total = weights.sum(1, keepdim=True)
    return weights / total, total.log() + top


def attention_backward(q, k, v, output_gradient, scale):
    """Gradients of queries, keys and values."""
    weights, _ = softmax(q, k, scale)
    output = weights @ v
    delta = (output_gradient * output).sum(1, keepdim=True)
    logit_gradient = weights * ((output_gradient @ v.T) - delta) * scale
    return logit_gradient @ k, logit_gradient.T @ q, weights.T @ output_gradient


def linear_state(k, v):
    """silu(k)^T v."""
    return (k * k.sigmoid()).T @ v


def relative_error(actual, expected):
    """||actual - expected|| / ||expected||; NaN where either holds one."""
    error, norm = float((actual - expected).norm()), float(expected.norm())
    if math.isnan(error):
        return math.nan
    return 0.0 if error == 0 else error / max(norm, 1e-300)


# What rounding inputs, weights and outputs to the storage type explains, with room; a wrong result is far outside.
TOLERANCES = {("fp32", "forward"): 1e-4, ("fp32", "backward"): 1e-4, ("fp16", "forward"): 3e-3, ("fp16", "backward"): 1e-2, ("bf16", "forward"): 1e-2, ("bf16", "backward"): 3e-2}
