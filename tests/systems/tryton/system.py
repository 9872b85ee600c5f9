"""Tryton for tests: installs it, makes a seeded database once, serves copies of it.

usage: system.py --home DIR install
       system.py --home DIR seed PRODUCTS CUSTOMERS SALES    makes (once) a database of that size
       system.py --home DIR serve PRODUCTS CUSTOMERS SALES   serves a fresh copy; prints one JSON line; ends with its stdin;
                                                             the lines `stop` and `start` on it do so, and are answered

Needs Python 3.11 with venv and the package index. Everything listens on 127.0.0.1. Nothing outside DIR is written.
"""
import argparse
import base64
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
USER = PASSWORD = "admin"


def run(home, *command, **environment):
    """Runs a command with its output in a log; shows the end of the log where it fails."""
    with open(home / "log", "ab") as log:
        code = subprocess.call([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                               env={**os.environ, **environment})
    if code:
        sys.stderr.write((home / "log").read_text(errors="replace")[-3000:])
        sys.exit(f"failed with {code}: {' '.join(str(word) for word in command)}")


def digest(*names):
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in names)).hexdigest()


def install(home):
    # The scripts of an environment name its place: one that was copied or moved is made anew.
    wanted = f"{digest('requirements.txt')} {home}"
    stamp = home / "installed"
    if stamp.exists() and stamp.read_text() == wanted and (home / "venv/bin/trytond").exists():
        return
    stamp.unlink(missing_ok=True)
    run(home, sys.executable, "-m", "venv", "--clear", home / "venv")
    run(home, home / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", HERE / "requirements.txt")
    stamp.write_text(wanted)


def configure(data, port):
    text = (HERE / "trytond.conf.in").read_text()
    path = data / "trytond.conf"
    path.write_text(text.replace("@DATA@", str(data)).replace("@PORT@", str(port)))
    return path


def in_database(home, data, script, *words):
    """Runs one of the scripts beside this one inside Tryton, on a database."""
    config = configure(data, 0)
    run(home, home / "venv/bin/python", HERE / script, *words, TRYTOND_CONFIG=str(config))


def seed(home, sizes):
    """A database of these sizes, made once and kept."""
    install(home)
    versions, script = digest("requirements.txt")[:8], digest("requirements.txt", "seed.py")[:8]
    done = home / ("seeded-" + "-".join(map(str, sizes)) + "-" + script)
    if not done.exists():
        base = home / f"empty-{versions}"
        for old in [*home.glob("seeded-*"), *home.glob("empty-*")]:
            if old != base and not old.name.endswith(script):
                shutil.rmtree(old)
        if not base.exists():
            making = home / "making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            (making / "tryton.sqlite").touch()
            (making / "password").write_text(PASSWORD)
            config, admin = configure(making, 0), home / "venv/bin/trytond-admin"
            run(home, admin, "-c", config, "-d", "tryton", "--all", "--email", "admin@example.org", TRYTONPASSFILE=str(making / "password"))
            run(home, admin, "-c", config, "-d", "tryton", "--activate-dependencies", "-u", "sale", "stock", "account_invoice",
                "account_product", "web_user", TRYTONPASSFILE=str(making / "password"))
            making.rename(base)
        making = home / "making"
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(base, making)
        in_database(home, making, "seed.py", *sizes)
        making.rename(done)
    return done


def post(url, body, headers=None):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def access(base):
    """A session for JSON-RPC, and a key for the REST interface: it is requested, then validated by a user who is logged in."""
    def rpc(method, params, headers=None):
        return post(f"{base}/tryton/rpc/", {"id": 1, "method": method, "params": params}, headers)["result"]
    uid, token = rpc("common.db.login", [USER, {"password": PASSWORD}, "en"])[:2]
    session = {"Authorization": "Session " + base64.b64encode(f"{USER}:{uid}:{token}".encode()).decode()}
    key = post(f"{base}/tryton/r/user/application/", {"user": USER, "application": "rest"})
    found = rpc("model.res.user.application.search", [[["state", "=", "requested"], ["application", "=", "rest"]], 0, None, None, {}], session)
    rpc("model.res.user.application.validate_", [found, {}], session)
    return {"key": key, "session": session["Authorization"]}


def answers(base):
    try:
        urllib.request.urlopen(base, timeout=5)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


class Server:
    """One trytond on a copy of the data, at one address."""

    def __init__(self, home, data):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.log = data / "server.log"
        # Named by its interpreter: the script's own first line holds a path.
        self.command = [home / "venv/bin/python", home / "venv/bin/trytond", "-c", configure(data, port), "-d", "tryton"]
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 120
        while not answers(self.base):
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit("Tryton did not start:\n" + self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.05)

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def serve(home, sizes):
    """Serves a fresh copy until standard input ends, so that a test that dies takes its server along."""
    done = seed(home, sizes)
    for old in home.glob("serving-*"):
        # Left by one that was killed itself.
        if not Path(f"/proc/{old.name.removeprefix('serving-')}").exists():
            shutil.rmtree(old, ignore_errors=True)
    data = home / f"serving-{os.getpid()}"
    shutil.copytree(done, data)
    server = Server(home, data)
    try:
        server.start()
        print(json.dumps({"base_url": server.base, **access(server.base)}), flush=True)
        for line in sys.stdin:
            {"stop": server.stop, "start": server.start}[line.strip()]()
            print(line.strip(), flush=True)
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("action", choices=("install", "seed", "serve"))
    parser.add_argument("sizes", type=int, nargs="*", default=[40, 30, 20])
    options = parser.parse_args()
    home = options.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if options.action == "install":
            install(home)
        else:
            seed(home, options.sizes)
    if options.action == "serve":
        serve(home, options.sizes)


main()
