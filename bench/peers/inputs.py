"""The inputs that every worker makes for itself: unit-variance uniform numbers, a function of index and seed only."""
import numpy as np


def uniform(count, seed):
    out = np.empty(count, np.float32)
    block = 1 << 22
    with np.errstate(over="ignore"):
        for start in range(0, count, block):
            z = np.arange(start, min(count, start + block), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            z += np.uint64((seed * 0xD1B54A32D192ED03) & (2**64 - 1))
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
            values = (z >> np.uint64(40)).astype(np.float32) * np.float32(2**-24) - np.float32(0.5)
            out[start : start + len(z)] = values * np.float32(3.46410162)
    return out
