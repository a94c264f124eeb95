import unittest

from tests.context import FOLDER  # noqa: F401
import bounds
from cases import Case, all_cases

CEILINGS = {"read_bytes_per_second": 4.3e12, "copy_bytes_per_second": 4.3e12, "matrix_per_second": 790e12, "exp2_per_second": 3.3e12}


def cross(**values):
    shape = {"segments": 128, "length": 10_000, "targets": 1, "heads": 1, "width": 128} | values
    return Case("test", "cross attention", **shape)


class Bounds(unittest.TestCase):
    def floor(self, case):
        seconds, unit = bounds.floor(case, CEILINGS)
        return round(seconds * 1e6, 1), unit

    def test_thin_reads_the_history_once(self):
        self.assertEqual(self.floor(cross()), (76.2, "memory"))
        self.assertEqual(self.floor(cross(targets=16)), (76.4, "memory"))

    def test_many_rows_are_bound_by_the_matrix_units(self):
        self.assertEqual(self.floor(cross(targets=128, heads=4)), (424.7, "matrix"))

    def test_narrow_heads_are_bound_by_exponentials(self):
        self.assertEqual(self.floor(cross(form="projected", length=256, targets=512, heads=8, width=16))[1], "exp")

    def test_projected_histories_are_read_twice(self):
        shared, projected = cross(), cross(form="projected")
        rows = 2 * 128 * 128 * 2
        self.assertEqual(bounds.bytes_moved(projected) - rows, 2 * (bounds.bytes_moved(shared) - rows))

    def test_encoded_histories_are_read_as_codes_and_scales(self):
        plain, rows = cross(form="projected"), 2 * 128 * 128 * 2
        elements = bounds.bytes_moved(plain) - rows
        self.assertEqual(bounds.bytes_moved(cross(form="projected", encoding="fp16")) - rows, elements)
        self.assertEqual(bounds.bytes_moved(cross(form="projected", encoding="int8")) - rows, elements // 256 * 132)

    def test_backward_costs_two_and_a_half_forwards(self):
        self.assertEqual(bounds.matrix_operations(cross(direction="backward")), 2.5 * bounds.matrix_operations(cross()))

    def test_a_mean_length_costs_what_the_equal_length_costs(self):
        self.assertEqual(bounds.matrix_operations(cross(lengths="zipf")), bounds.matrix_operations(cross()))

    def test_fp32_costs_six_times_bf16_on_the_matrix_units(self):
        wide = {"targets": 1024}
        self.assertAlmostEqual(bounds.floor(cross(dtype="fp32", **wide), CEILINGS)[0], 6 * bounds.floor(cross(**wide), CEILINGS)[0])

    def test_no_bound_without_ceilings(self):
        self.assertIsNone(bounds.floor(cross(), {}))
        self.assertIsNone(bounds.floor(cross(), CEILINGS | {"matrix_per_second": None}))

    def test_every_case_has_a_positive_bound(self):
        for case in all_cases() + [case.tiny() for case in all_cases()]:
            self.assertGreater(bounds.floor(case, CEILINGS)[0], 0, case.name)
