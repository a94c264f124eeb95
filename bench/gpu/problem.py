"""One case's inputs, the same for every contender, and the check of a contender's result on a slice in float64.

Several sets of inputs are made: contenders rotate over them, so that no run finds its inputs in the cache of the one before."""
import math

import bounds
import reference
from library import offsets_of

MOST_SETS = 512
MOST_BYTES = 24 << 30
# Rows of a segment that are compared, in a forward.
CHECKED_ROWS = 16


def sets_needed(case, l2_bytes):
    """Enough sets to fill the L2 two and a half times, within reason; never fewer than two."""
    one = max(1, bounds.bytes_moved(case))
    return max(2, min(MOST_SETS, MOST_BYTES // one, math.ceil(2.5 * l2_bytes / one)))


def spread(count, most):
    """At most `most` indices of range(count), the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({i * (count - 1) // (most - 1) for i in range(most)})


class Problem:
    def __init__(self, case, arrays, sets):
        self.case, self.arrays = case, arrays
        self.lengths = case.history_lengths()
        self.targets = [case.targets] * case.segments
        self.history_offsets, self.target_offsets = offsets_of(self.lengths), offsets_of(self.targets)
        self.tokens, self.queries = sum(self.lengths), sum(self.targets)
        self.scale = case.width**-0.5
        self.sets = [self.inputs(i) for i in range(sets)]
        self.expectations = None

    def inputs(self, index):
        """The tensors of one set by name; see cases.py for the shapes."""
        case, seed = self.case, 1000 * index

        def normal(offset, *shape, factor=1.0):
            return self.arrays.normal(shape, case.dtype, seed + offset, factor)

        per_token = (self.tokens, case.heads, case.width)
        if case.operation == "linear pooling":
            return {"keys": normal(1, *per_token), "values": normal(2, *per_token)}
        tensors = {"queries": normal(0, case.targets if case.operation == "pooling" else self.queries, case.heads, case.width)}
        if case.operation == "layer":
            width = bounds.layer_width(case)
            tensors["history"] = normal(1, self.tokens, width)
            for offset, name in ((2, "key_weight"), (3, "value_weight")):
                tensors[name] = normal(offset, width, case.heads, case.width, factor=width**-0.5)
        elif case.form == "shared":
            tensors["history"] = normal(1, self.tokens, case.width)
        elif case.encoding == "int8":
            for offset, name in ((1, "key"), (2, "value")):
                tensors[name + "s"], tensors[name + "_scales"] = self.arrays.codes(per_token, seed + offset)
        else:
            for offset, name in ((1, "keys"), (2, "values")):
                tensors[name] = self.arrays.normal(per_token, case.encoding or case.dtype, seed + offset)
        if case.direction == "backward":
            tensors["output_gradient"] = normal(4, self.queries, case.heads, case.width)
        return tensors

    def error(self, result):
        """The largest relative error of a result (tensors by name, of set 0) over the slices; NaN where an element is not a number."""
        if self.expectations is None:
            self.expectations = list(self.expected())
        errors = [reference.relative_error(self.arrays.matrix(result[name], rows, head), expected) for name, rows, head, expected in self.expectations]
        return math.nan if any(map(math.isnan, errors)) else max(errors)

    @property
    def tolerance(self):
        return reference.TOLERANCES[self.case.dtype, self.case.direction]

    # ---- what is expected: (tensor, rows, head or None, float64 matrix) ----------------------------------------------------

    def checked_segments(self):
        longest = max(range(len(self.lengths)), key=self.lengths.__getitem__)
        return sorted({0, longest, len(self.lengths) - 1})

    def expected(self):
        if self.case.operation == "linear pooling":
            return self.expected_states()
        return self.expected_gradients() if self.case.direction == "backward" else self.expected_outputs()

    def history_of(self, segment, head):
        """(keys, values) of a segment and head."""
        first = sum(self.lengths[:segment])
        rows, tensors, matrix = range(first, first + self.lengths[segment]), self.sets[0], self.arrays.matrix
        if self.case.operation == "layer":
            history = matrix(tensors["history"], rows)
            weights = (matrix(tensors[name], range(bounds.layer_width(self.case)), head) for name in ("key_weight", "value_weight"))
            return tuple(history @ weight for weight in weights)
        if self.case.form == "shared":
            history = matrix(tensors["history"], rows)
            return history, history
        keys, values = (matrix(tensors[name], rows, head) for name in ("keys", "values"))
        if self.case.encoding == "int8":
            return keys * matrix(tensors["key_scales"], rows, head), values * matrix(tensors["value_scales"], rows, head)
        return keys, values

    def expected_outputs(self):
        case, broadcast = self.case, self.case.operation == "pooling"
        for segment in self.checked_segments():
            targets = spread(case.targets, CHECKED_ROWS)
            rows = [segment * case.targets + target for target in targets]
            for head in sorted({0, case.heads - 1}):
                queries = self.arrays.matrix(self.sets[0]["queries"], targets if broadcast else rows, head)
                yield "output", rows, head, reference.attention(queries, *self.history_of(segment, head), self.scale)

    def expected_gradients(self):
        case = self.case
        for segment in sorted({0, case.segments - 1}):
            rows, history_gradient = range(segment * case.targets, (segment + 1) * case.targets), None
            for head in range(case.heads):
                queries, gradient = (self.arrays.matrix(self.sets[0][name], rows, head) for name in ("queries", "output_gradient"))
                of_queries, of_keys, of_values = reference.attention_backward(queries, *self.history_of(segment, head), gradient, self.scale)
                yield "query_gradient", rows, head, of_queries
                both = of_keys + of_values
                history_gradient = both if history_gradient is None else history_gradient + both
            first = sum(self.lengths[:segment])
            yield "history_gradient", range(first, first + self.lengths[segment]), None, history_gradient

    def expected_states(self):
        case = self.case
        for segment in self.checked_segments():
            for head in sorted({0, case.heads - 1}):
                first = (segment * case.heads + head) * case.width
                yield "state", range(first, first + case.width), None, reference.linear_state(*self.history_of(segment, head))
