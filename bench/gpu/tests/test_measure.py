import json
import pathlib
import shutil
import tempfile
import unittest

from tests.context import FOLDER  # noqa: F401
import measure
import timing
from cases import all_cases
from summary import FAILED, NOT_RUN, OK

FIRST, SECOND = all_cases()[:2]


class ResultsOfSeveralProcesses(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def results(self):
        return measure.Results(self.folder / "out.json", {"target": "cuda"}, {}, tiny=False)

    def test_the_file_is_whole_after_every_contender(self):
        results = self.results()
        for name, status in (("ours", OK), ("flash, rows", FAILED)):
            results.running(FIRST, name)
            results.record(FIRST, {"name": name, "status": status})
            row = json.loads((self.folder / "out.json").read_text())["rows"][0]
            self.assertEqual(row["contenders"][-1], {"name": name, "status": status})
            self.assertFalse(results.note.exists())

    def test_what_ran_when_a_process_ended_has_failed_and_is_not_tried_again(self):
        results = self.results()
        results.record(FIRST, {"name": "ours", "status": OK})
        results.begin(SECOND, [])
        results.running(SECOND, "ours")
        again = self.results()
        again.resume(all_cases())
        self.assertEqual(again.contenders[FIRST.name], [{"name": "ours", "status": OK}])
        self.assertEqual(again.contenders[SECOND.name][0]["status"], FAILED)

    def test_a_later_record_replaces_the_earlier_one(self):
        results = self.results()
        results.record(FIRST, {"name": "ours", "status": OK})
        results.record(FIRST, {"name": "flex, rows", "status": NOT_RUN, "reason": measure.NOT_COMPILED})
        results.record(FIRST, {"name": "flex, rows", "status": OK, "seconds": 1.0})
        self.assertEqual([contender["status"] for contender in results.contenders[FIRST.name]], [OK, OK])

    def test_rows_of_tiny_runs_keep_the_name_of_the_case(self):
        results = measure.Results(self.folder / "out.json", {}, {}, tiny=True)
        results.record(FIRST, {"name": "ours", "status": OK})
        self.assertEqual(results.row(FIRST)["name"], FIRST.name)
        self.assertLess(results.row(FIRST)["case"]["length"], FIRST.length)


class FakeDevice:
    """Every launch takes a millisecond, but the first takes ten."""

    def __init__(self):
        self.calls = 0

    def synchronize(self):
        pass

    def elapsed(self, launch):
        before = self.calls
        launch()
        return sum(0.01 if call == 0 else 0.001 for call in range(before, self.calls))


class Timing(unittest.TestCase):
    def test_a_run_takes_its_share_of_the_replay(self):
        device = FakeDevice()
        timer = timing.Timer(device, None, stream="a stream", seconds=0.02)

        def launch():
            device.calls += 1

        sample = timer.sample(launch, 4)
        self.assertAlmostEqual(sample["seconds"], 0.001 / 4)
        self.assertAlmostEqual(sample["p10_seconds"], 0.001 / 4)
        self.assertEqual(sample["samples"], 20)

    def test_without_a_gpu_no_time_is_recorded(self):
        timer = timing.Timer(FakeDevice(), None, stream=None, seconds=1.0)
        result = timer.time([lambda: None] * 2, lambda runs: timing.Replay(timing.one_by_one(runs), False))
        self.assertEqual(result, {"graph": False, "sets": 2, "samples": 1})
