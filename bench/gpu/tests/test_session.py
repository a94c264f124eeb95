import argparse
import contextlib
import io
import json
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

from tests.context import FOLDER  # noqa: F401
import process
import session
import suites

DOCTEST_LIST = """[doctest] listing all test suites
===============================================================================
cross_attention
merge_states
===============================================================================
[doctest] unskipped test cases passing the current filters: 9
[doctest] test suites with unskipped test cases passing the current filters: 2
"""
DOCTEST_SUMMARY = "[doctest] test cases:  4 |  3 passed | 1 failed | 5 skipped\n[doctest] assertions: 10 | 9 passed | 1 failed |\n[doctest] Status: FAILURE!"


class Processes(unittest.TestCase):
    def test_output_and_code_are_kept(self):
        result = process.run([sys.executable, "-c", "print('said'); raise SystemExit(3)"], 20)
        self.assertEqual((result.code, result.text, result.timed_out), (3, "said\n", False))

    def test_a_command_is_stopped_when_its_time_is_over(self):
        start = time.monotonic()
        result = process.run([sys.executable, "-uc", "import time; print('begun'); time.sleep(60)"], 1)
        self.assertLess(time.monotonic() - start, 20)
        self.assertTrue(result.timed_out)
        self.assertIn("begun", result.tail(100))

    def test_a_missing_program_is_an_answer(self):
        result = process.run(["/no/such/program"], 1)
        self.assertEqual(result.code, 127)
        self.assertIn("No such file", result.text)


class Suites(unittest.TestCase):
    def test_names_are_read_from_the_listing(self):
        self.assertEqual(suites.suite_names(DOCTEST_LIST), ["cross_attention", "merge_states"])

    def test_counts_are_read_from_the_summary(self):
        self.assertEqual(suites.counts_of(DOCTEST_SUMMARY), (4, 1))
        self.assertIsNone(suites.counts_of("Segmentation fault"))

    def test_a_failed_suite_fails_the_step_and_is_named(self):
        outcome = suites.summary_of([{"suite": "a", "outcome": "ok"}, {"suite": "b", "outcome": "failed"}, {"suite": "c", "outcome": "left out"}])
        self.assertEqual(outcome.word, "failed")
        self.assertIn("1 of 3 suites passed, 1 left out; not: b", outcome.reason)

    def test_suites_that_were_all_left_out_did_not_pass(self):
        self.assertEqual(suites.summary_of([{"suite": "a", "outcome": "left out"}]).word, "left out")

    def test_no_suites_are_a_failure(self):
        self.assertEqual(suites.summary_of([]).word, "failed")


class Steps(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        (self.folder / "bundle.json").write_text(json.dumps({"commit": "abc+changes", "target": "emulated", "toolkit": "", "architectures": ""}))
        options = argparse.Namespace(bundle=str(self.folder), out=str(self.folder / "out"), minutes=1, build=False, carried=False, tiny=True, only="")
        self.session = session.Session(options)
        for folder in (self.folder, self.session.work):
            self.addCleanup(shutil.rmtree, folder)
        said = contextlib.redirect_stdout(io.StringIO())
        said.__enter__()
        self.addCleanup(said.__exit__, None, None, None)

    def written(self):
        return json.loads((self.folder / "out" / self.session.name).read_text())

    def test_the_file_is_named_after_date_gpu_and_commit(self):
        self.session.step("machine", self.session.facts)
        self.assertEqual(self.session.name, f"{self.session.document['date']}-emulated-abc-changes.json")

    def test_a_step_that_breaks_is_recorded_and_the_next_one_runs(self):
        def breaks(_):
            raise ValueError("broken")

        self.session.step("machine", self.session.facts)
        self.session.step("first", breaks)
        self.session.step("second", lambda _: process.Outcome("ok"))
        steps = {step["name"]: step for step in self.written()["steps"]}
        self.assertEqual((steps["first"]["outcome"], steps["first"]["reason"]), ("failed", "ValueError: broken"))
        self.assertEqual(steps["second"]["outcome"], "ok")

    def test_an_emulated_bundle_is_neither_built_nor_sanitized(self):
        self.session.step("machine", self.session.facts)
        for work in (self.session.build, self.session.sanitizer):
            self.assertEqual(work(10).word, "left out")

    def test_no_step_gets_more_time_than_is_left(self):
        given = []
        self.session.step("build", lambda seconds: given.append(seconds) or process.Outcome("ok"))
        self.assertLessEqual(given[0], 60)

    def test_newer_compilers_are_recognised(self):
        self.assertGreater(session.version_of("13.0"), session.version_of("12.4"))
        self.assertGreater(session.version_of("12.10"), session.version_of("12.4"))
        self.assertGreater(session.version_of("12.4"), session.version_of(""))
