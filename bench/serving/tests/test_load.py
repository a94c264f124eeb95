import json
import os
import shlex
import subprocess
import sys
import tempfile
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
ANSWER = 'LOAD {"requests": 3000, "seconds": 2.0, "failed": 0, "socketErrors": 0, "p50": 1500.0, "p90": 2500.0, "p99": 4000.0, "max": 9000.0}'


class Load(unittest.TestCase):
    """The program as a user runs it, with a lsk and a wrk that only look like them."""

    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = made.name
        self.log = os.path.join(self.folder, "log")
        wrk = os.path.join(self.folder, "wrk")
        with open(wrk, "w") as script:
            script.write(f"#!/bin/sh\nexec {shlex.join([sys.executable, os.path.join(FOLDER, 'fake_wrk.py')])} \"$@\"\n")
        os.chmod(wrk, 0o755)

    def load(self, *arguments, answer=ANSWER, fail="", path=None):
        environment = dict(os.environ, PATH=path or self.folder + os.pathsep + os.environ["PATH"], FAKE_LSK_LOG=self.log, FAKE_LSK_FAIL=fail, FAKE_WRK=answer)
        lsk = shlex.join([sys.executable, os.path.join(FOLDER, "fake_lsk.py")])
        return subprocess.run([sys.executable, os.path.join(os.path.dirname(FOLDER), "load.py"), "--lsk", lsk, "--work", os.path.join(self.folder, "work"), "--seconds", "1", *arguments],
                              env=environment, capture_output=True, text=True, timeout=60)

    def commands(self):
        with open(self.log) as log:
            return [line.split()[0] for line in log]

    def test_every_batching_is_measured_at_every_number_of_connections(self):
        out = os.path.join(self.folder, "result")
        done = self.load("--connections", "1", "8", "--batch", "16", "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out + ".json") as file:
            result = json.load(file)
        self.assertEqual([(row["batch"], row["connections"], row["rate"], row["perRun"]) for row in result["rows"]], [(1, 1, 1500, 2.5), (1, 8, 1500, 2.5), (16, 1, 1500, 2.5), (16, 8, 1500, 2.5)])
        self.assertEqual(result["machine"]["processor"], "Abacus")
        self.assertEqual(result["command"], "bench/serving/load.py --connections 1 8 --seconds 1 --batch 16")
        with open(out + ".md") as file:
            self.assertIn("| 16 | 8 | 1,500 | 1.00 | 1.50 ms | 2.50 ms | 4.00 ms | 2.5 | 0 |", file.read())
        self.assertEqual(self.commands().count("serve"), 2)

    def test_what_was_made_is_kept_until_another_shape_is_wanted(self):
        for arguments, made in (([], 1), ([], 1), (["--tokens", "64"], 2)):
            self.assertEqual(self.load("--connections", "1", *arguments).returncode, 0)
            self.assertEqual(self.commands().count("train"), made)

    def test_failed_requests_are_a_failure(self):
        done = self.load("--connections", "1", answer=ANSWER.replace('"failed": 0', '"failed": 2'))
        self.assertEqual(done.returncode, 1)
        self.assertIn("2 failed", done.stdout)

    def test_nothing_is_measured_when_every_request_fails(self):
        done = self.load("--connections", "1", answer=ANSWER.replace('"failed": 0', '"failed": 3000'))
        self.assertEqual(done.returncode, 1)
        self.assertIn("All of 3000 requests failed: is the store that of the model?", done.stderr)

    def test_what_wrk_says_instead_of_an_answer_is_shown(self):
        done = self.load("--connections", "1", answer="unable to connect")
        self.assertEqual(done.returncode, 1)
        self.assertIn("unable to connect", done.stderr)

    def test_a_command_that_fails_is_named(self):
        done = self.load(fail="train")
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed with exit code 1:\ntrain was told to fail", done.stderr)

    def test_a_server_that_does_not_listen_is_named(self):
        done = self.load(fail="serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn("The server ended with exit code 1 before it listened.", done.stderr)

    def test_a_machine_without_wrk_is_told(self):
        done = self.load(path=os.path.join(self.folder, "nowhere"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("wrk is not on this machine", done.stderr)


if __name__ == "__main__":
    unittest.main()
