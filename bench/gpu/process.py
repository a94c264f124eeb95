"""Running a program for at most so long, and saying how a step ended."""
import dataclasses
import os
import signal
import subprocess
import threading


@dataclasses.dataclass
class Outcome:
    word: str                    # ok | failed | timed out | left out
    reason: str = ""
    details: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Result:
    code: int
    text: str                    # stdout and stderr together
    timed_out: bool

    def tail(self, characters):
        text = self.text.strip()
        return ("it did not end in time: " if self.timed_out else "") + text[-characters:]


def run(command, seconds, show=False):
    """Runs a command; with its children it is stopped when its time is over. Never raises for what the command does."""
    command = [str(word) for word in command]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    except OSError as error:
        return Result(127, f"{command[0]}: {error.strerror}", False)
    lines, timed_out = [], threading.Event()

    def stop():
        timed_out.set()
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    timer = threading.Timer(max(0.0, seconds), stop)
    timer.start()
    try:
        with process:
            for line in process.stdout:
                lines.append(line)
                if show:
                    print("   " + line, end="", flush=True)
    finally:
        timer.cancel()
    return Result(process.returncode, "".join(lines), timed_out.is_set())
