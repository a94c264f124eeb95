import math
import unittest

from tests.context import FOLDER  # noqa: F401
import problem
import reference
from arrays import Matrix, from_bits, to_bits
from cases import Case


class Elements(unittest.TestCase):
    def test_storage_types_round_to_nearest_even(self):
        self.assertEqual(from_bits(to_bits(1.0 + 2**-9, "bf16") + to_bits(1.0 + 3 * 2**-9, "bf16"), "bf16"), [1.0, 1.0 + 2**-7 * 1])
        self.assertEqual(from_bits(to_bits(1.0 + 2**-12, "fp16"), "fp16"), [1.0])
        self.assertEqual(from_bits(to_bits(-2.5, "fp32"), "fp32"), [-2.5])
        self.assertEqual(from_bits(to_bits(-2.5, "bf16"), "bf16"), [-2.5])

    def test_poison_is_not_a_number(self):
        for dtype, size in (("fp32", 4), ("bf16", 2), ("fp16", 2)):
            self.assertTrue(math.isnan(from_bits(b"\xff" * size, dtype)[0]))


class Reference(unittest.TestCase):
    q, k = Matrix([[1.0, 0.0], [0.0, 2.0]]), Matrix([[1.0, 1.0], [0.5, -1.0], [0.0, 0.0]])

    def test_attention_by_hand(self):
        output = reference.attention(Matrix([[1.0]]), Matrix([[0.0], [math.log(3)]]), Matrix([[4.0], [8.0]]), 1.0)
        self.assertAlmostEqual(output.rows[0][0], 7.0)

    def test_gradients_are_those_of_finite_differences(self):
        gradient = Matrix([[1.0, -2.0], [0.5, 3.0]])
        of_queries, of_keys, of_values = reference.attention_backward(self.q, self.k, self.k, gradient, 0.7)
        for matrix, place, expected in ((self.q, "q", of_queries), (self.k, "k", of_keys + of_values)):
            for i, row in enumerate(matrix.rows):
                for j in range(len(row)):
                    self.assertAlmostEqual(self.slope(place, i, j, gradient), expected.rows[i][j], places=6)

    def slope(self, place, i, j, gradient, step=1e-6):
        """d <gradient, attention> / d element, where the history is key and value."""

        def value(shift):
            moved = {"q": [list(row) for row in self.q.rows], "k": [list(row) for row in self.k.rows]}
            moved[place][i][j] += shift
            q, k = Matrix(moved["q"]), Matrix(moved["k"])
            return sum(map(math.fsum, (reference.attention(q, k, k, 0.7) * gradient).rows))

        return (value(step) - value(-step)) / (2 * step)

    def test_an_element_that_is_not_a_number_is_never_close(self):
        error = reference.relative_error(Matrix([[math.nan, 1.0]]), Matrix([[1.0, 1.0]]))
        self.assertFalse(error <= 1.0)

    def test_linear_state_by_hand(self):
        state = reference.linear_state(Matrix([[0.0], [2.0]]), Matrix([[5.0], [3.0]]))
        self.assertAlmostEqual(state.rows[0][0], 3 * 2 / (1 + math.exp(-2)))


class Sets(unittest.TestCase):
    def test_inputs_are_rotated_beyond_the_cache(self):
        small = Case("test", "cross attention", 1, 1_000, 1, 1, 128)
        large = Case("test", "cross attention", 128, 10_000, 1, 1, 256)
        self.assertEqual(problem.sets_needed(large, 60 << 20), 2)
        self.assertEqual(problem.sets_needed(small, 60 << 20), problem.MOST_SETS)

    def test_slices_hold_the_first_and_the_last(self):
        self.assertEqual(problem.spread(3, 16), [0, 1, 2])
        rows = problem.spread(1000, 16)
        self.assertEqual((rows[0], rows[-1], len(rows)), (0, 999, 16))
