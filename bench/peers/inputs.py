"""The inputs that every worker makes for itself: unit-variance uniform numbers, a function of index and seed only."""
import numpy as np


def hashes(start, stop, seed):
    with np.errstate(over="ignore"):
        z = np.arange(start, stop, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64((seed * 0xD1B54A32D192ED03) & (2**64 - 1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (z ^ (z >> np.uint64(31))) >> np.uint64(40)


def uniform(count, seed, factor=1.0):
    out = np.empty(count, np.float32)
    block = 1 << 22
    for start in range(0, count, block):
        z = hashes(start, min(count, start + block), seed)
        out[start : start + len(z)] = (z.astype(np.float32) * np.float32(2**-24) - np.float32(0.5)) * np.float32(3.46410162) * np.float32(factor)
    return out


def whole(count, seed, limit):
    """Whole numbers from 0 to limit - 1."""
    return (hashes(0, count, seed) % np.uint64(limit)).astype(np.int64)
