import contextlib
import io
import os
import random
import sys
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(FOLDER))
import regression  # noqa: E402
from ratios import ratio  # noqa: E402


def worker(seconds, seed):
    return [sys.executable, os.path.join(FOLDER, "fake_worker.py"), str(seconds), str(seed)]


def options(*arguments):
    return regression.parser().parse_args(["old", "new", "--quiet", "0", "--budget", "0.06", "--launches", "3", "--only", "one target, bf16", *arguments])


def compare(old, new, *arguments):
    """The rows and what was printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        rows = regression.compare([worker(old, 1), worker(new, 2)], options(*arguments))
    return rows, printed.getvalue()


class Ratio(unittest.TestCase):
    @staticmethod
    def rounds(seconds, seed, count=12):
        draw = random.Random(seed)
        return [[seconds * draw.uniform(0.98, 1.02) for _ in range(10)] for _ in range(count)]

    def test_interval_holds_the_ratio(self):
        for seed in range(20):
            value, low, high = ratio(self.rounds(1.3e-3, seed), self.rounds(1e-3, 100 + seed))
            self.assertLessEqual(low, value)
            self.assertLessEqual(value, high)
            self.assertAlmostEqual(value, 1.3, delta=0.03)
            self.assertLess(high - low, 0.05)

    def test_disturbed_rounds_widen_the_interval_and_leave_the_ratio(self):
        new = self.rounds(1e-3, 1)
        disturbed = [[4 * time for time in times] if index % 3 == 0 else times for index, times in enumerate(new)]
        old = self.rounds(1e-3, 2)
        value, low, high = ratio(disturbed, old)
        self.assertAlmostEqual(value, 1, delta=0.03)
        self.assertLess(low, 1.02)


class Regression(unittest.TestCase):
    def test_the_same_speed_is_not_slower(self):
        rows, printed = compare(1e-3, 1e-3)
        self.assertFalse(any(row["slower"] for row in rows))
        self.assertTrue(all(row["low"] <= row["ratio"] <= row["high"] for row in rows))
        self.assertIn("0 slower by more than 5%", printed)

    def test_a_slowed_commit_is_slower_twice(self):
        rows, printed = compare(1e-3, 1.2e-3)
        self.assertTrue(all(row["slower"] and row["measured"] == 2 for row in rows))
        self.assertTrue(all(abs(row["ratio"] - 1.2) < 0.04 for row in rows))
        self.assertIn("SLOWER", printed)

    def test_within_the_threshold_is_not_slower(self):
        rows, _ = compare(1e-3, 1.2e-3, "--threshold", "0.5")
        self.assertFalse(any(row["slower"] for row in rows))

    def test_a_faster_commit_is_said_to_be(self):
        rows, printed = compare(1e-3, 0.8e-3)
        self.assertFalse(any(row["slower"] for row in rows))
        self.assertIn("faster", printed)

    def test_what_one_commit_does_not_know_is_left_out_by_name(self):
        with contextlib.redirect_stdout(io.StringIO()) as printed, self.assertRaisesRegex(regression.Unusable, "No case ran on both commits"):
            regression.compare([worker("refuse", 1), worker(1e-3, 2)], options())
        self.assertIn("left out: the old commit says op is unknown", printed.getvalue())

    def test_a_case_is_measured_once_whatever_it_is_compared_with(self):
        words = [regression.words_of(case) for case in regression.cases(regression.parser().parse_args(["old", "--only", "128 targets"]))]
        self.assertEqual(len(words), len(set(words)))


class Usage(unittest.TestCase):
    def refused(self, *arguments):
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            self.assertEqual(regression.main(arguments), 2)
        return printed.getvalue()

    def test_unknown_commits_are_named(self):
        self.assertIn("no-such-commit is not a commit of", self.refused("no-such-commit"))

    def test_a_text_that_no_case_has_lists_the_names(self):
        self.assertRegex(self.refused("HEAD", "--only", "convolution"), "\"convolution\" in its name; names are one target; ")

    def test_no_rounds_are_refused_before_anything_is_built(self):
        self.assertIn("--rounds is 0; it must be 1 or more.", self.refused("HEAD", "--rounds", "0"))


if __name__ == "__main__":
    unittest.main()
