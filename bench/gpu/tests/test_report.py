import unittest

from tests.context import FOLDER  # noqa: F401
import report
import summary
from cases import all_cases

CEILINGS = {"read_bytes_per_second": 4.3e12, "copy_bytes_per_second": 4.3e12, "matrix_per_second": 790e12, "exp2_per_second": 3.3e12}
CASE = next(case for case in all_cases() if case.group == "thin, equal lengths")


def contender(name, seconds=None, status=summary.OK, reason=""):
    return {"name": name, "status": status, "reason": reason} | ({"seconds": seconds} if seconds else {})


def row(*contenders, case=CASE):
    return summary.summarise(case, list(contenders), CEILINGS)


def document(*rows, target="cuda", tiny=False):
    return {"date": "2030-01-02", "bench": {"target": target, "tiny": tiny, "device": {"name": "Some GPU"}, "rows": list(rows)}}


class Summary(unittest.TestCase):
    def test_ratio_is_to_the_fastest_correct_peer(self):
        fast_but_wrong = contender("flash, rows", 1e-6, summary.WRONG, "relative error 1")
        result = row(contender("ours", 4e-5), contender("cudnn, rows", 2e-4), contender("flex, rows", 1e-4), fast_but_wrong)
        self.assertEqual(result["best_peer"], "flex, rows")
        self.assertAlmostEqual(result["ratio"], 2.5)
        self.assertIn(fast_but_wrong, result["contenders"])

    def test_bars_name_their_peer(self):
        bars = {bar["against"]: bar for bar in row(contender("ours", 4e-5), contender("cudnn, rows", 6e-5))["bars"]}
        self.assertAlmostEqual(bars["cudnn"]["reached"], 1.5)
        self.assertFalse(bars["cudnn"]["met"])
        self.assertTrue(bars["best"]["met"])
        self.assertIsNone(bars["flash"]["met"])

    def test_absolute_bars(self):
        launch_bound = next(case for case in all_cases() if case.microseconds)
        bar = row(contender("ours", 7e-6), case=launch_bound)["bars"][-1]
        self.assertAlmostEqual(bar["reached"], 7.0)
        self.assertFalse(bar["met"])

    def test_share_is_floor_over_time(self):
        result = row(contender("ours", 1e-4))
        self.assertAlmostEqual(result["share_of_bound"], result["floor_seconds"] / 1e-4)
        self.assertIsNone(result["ratio"])

    def test_nothing_is_said_of_a_contender_that_did_not_run(self):
        result = row(contender("ours", status=summary.UNAVAILABLE, reason="no kernel"), contender("flash, rows", 1e-4))
        self.assertIsNone(result["ratio"])
        self.assertIsNone(result["share_of_bound"])

    def test_geometric_means(self):
        rows = [row(contender("ours", 1e-4), contender("flash, rows", time)) for time in (2e-4, 8e-4)]
        self.assertEqual([(group, count, round(mean, 6)) for group, count, mean in summary.group_means(rows)], [(CASE.group, 2, 4.0), ("all", 2, 4.0)])
        self.assertIsNone(summary.geometric_mean([]))


class Report(unittest.TestCase):
    def test_without_results_every_case_is_not_measured_yet(self):
        text = report.markdown([])
        self.assertEqual(text.count(report.NOT_MEASURED), len(all_cases()))
        self.assertIn("No case has been measured on a GPU yet.", text)

    def test_a_measured_case_shows_time_share_and_ratio(self):
        text = report.markdown([document(row(contender("ours", 5e-5), contender("flex, rows", 1e-4)))])
        self.assertEqual(text.count(report.NOT_MEASURED), len(all_cases()) - 1)
        line = next(line for line in text.splitlines() if "50.0 us" in line)
        self.assertIn("| flex, rows | 100.0 us | 2.00 |", line)
        self.assertIn("(memory)", line)
        self.assertIn("on one Some GPU", text)

    def test_emulated_and_tiny_results_are_no_measurements(self):
        measured = row(contender("ours", 5e-5))
        for other in (document(measured, target="emulated"), document(measured, tiny=True)):
            self.assertEqual(report.markdown([other]), report.markdown([]))

    def test_a_failure_is_shown_in_its_words(self):
        text = report.markdown([document(row(contender("ours", status=summary.FAILED, reason="the device said no")))])
        self.assertIn("failed: the device said no", text)

    def test_the_last_result_counts(self):
        documents = [document(row(contender("ours", time))) for time in (5e-5, 6e-5)]
        self.assertIn("60.0 us", report.markdown(documents))
        self.assertNotIn("50.0 us", report.markdown(documents))

    def test_plain_names_every_contender(self):
        text = report.plain([document(row(contender("ours", 5e-5), contender("math, rows", status=summary.UNAVAILABLE, reason="too large")))])
        self.assertIn("unavailable: too large", text)
