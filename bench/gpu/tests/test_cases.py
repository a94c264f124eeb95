import unittest

from tests.context import FOLDER  # noqa: F401
import cases


class Cases(unittest.TestCase):
    def test_names_are_unique(self):
        names = [case.name for case in cases.all_cases()]
        self.assertEqual(len(names), len(set(names)))

    def test_every_group_comes_before_any_group_comes_twice(self):
        everything = cases.all_cases()
        groups = len({case.group for case in everything})
        self.assertEqual(groups, len({case.group for case in everything[:groups]}))

    def test_every_line_of_the_bars_has_a_case(self):
        groups = " | ".join(case.group for case in cases.all_cases())
        for line in ("thin, equal", "Zipf", "broadcast", "launch-bound", "medium", "fat, D=64", "fat, D=128", "fat, D=256", "layer", "pooling, 256 seeds, one user",
                     "pooling, 256 seeds, 128 users", "linear pooling", "candidates to cached", "candidates to encoded", "backward, up to 128", "backward, fat", "backward, deterministic"):
            self.assertIn(line, groups)

    def test_every_case_has_a_bar(self):
        for case in cases.all_cases():
            self.assertTrue(case.bars, case.name)

    def test_zipf_lengths_have_the_mean_and_are_positive(self):
        for segments, mean in ((1, 10), (2, 70), (128, 10_000)):
            lengths = cases.zipf_lengths(segments, mean)
            self.assertEqual(len(lengths), segments)
            self.assertEqual(sum(lengths), segments * mean)
            self.assertGreater(min(lengths), 0)

    def test_tiny_cases_are_tiny(self):
        for case in map(cases.Case.tiny, cases.all_cases()):
            self.assertLessEqual(sum(case.history_lengths()) * case.heads * case.width, 140 * 2 * 64)
