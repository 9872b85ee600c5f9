"""What the measured Python programs share: usage of CPU and memory, and the one result line."""
import json
import os
import resource
import subprocess
import time
from pathlib import Path


def report(name, op, records, wall, cpu, rss_mib, **more):
    print(json.dumps({"name": name, "op": op, "records": records, "wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "rss_mib": rss_mib,
                      **more}), flush=True)


class Measure:
    """Counts wall and CPU seconds of this process from its creation."""

    def __init__(self):
        self.cpu, self.started = self._cpu(), time.perf_counter()

    @staticmethod
    def _cpu():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def report(self, name, op, records, **more):
        wall, cpu = time.perf_counter() - self.started, self._cpu() - self.cpu
        report(name, op, records, wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, **more)


def run(command, **options):
    """Runs a program to its end: (output, wall, CPU, largest resident MiB)."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
        resident = 0
        os.set_blocking(process.stdout.fileno(), False)
        output, ended = b"", 0
        while not ended:
            output += process.stdout.read() or b""
            try:
                text = Path(f"/proc/{process.pid}/status").read_text()
                resident = max(resident, int(text.split("VmHWM:")[1].split()[0]) // 1024)
            except (OSError, IndexError):
                pass
            time.sleep(0.01)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        output += process.stdout.read() or b""
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}: {output.decode(errors='replace')[-2000:]}")
    return output, time.perf_counter() - started, usage.ru_utime + usage.ru_stime, resident
