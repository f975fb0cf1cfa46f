"""A gateway and devices for the client tests: every test module has a gateway of its own, on free ports, in memory."""

import collections
import json
import os
import pathlib
import subprocess
import time

import pytest
import awscli  # brings botocore along, under its own name
import botocore.session
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRYDOCK = os.environ.get("DRYDOCK", str(ROOT / "target" / "debug" / "drydock"))
NODE = ROOT / "target" / "clients-node"
DEADLINE = 30
KEYS = ("AKIACLIENTS", "a secret of the clients")


class Gateway:
    """A running `drydock up` and what its ready file says."""

    def __init__(self, folder, *options, deadline=DEADLINE, template=ROOT / "template.yaml", keys=("local", "local"), data=None):
        ready = folder / "ready.json"
        self.log = folder / "drydock.log"
        # In memory, or in a folder that outlives it.
        kept = ["--data-dir", str(data)] if data else ["--ephemeral"]
        command = [
            DRYDOCK, "up", *kept, "--api-port", "0", "--mqtt-port", "0", "--tls-port", "0",
            "--template", str(template), "--ready-file", str(ready), *options,
        ]
        if template == ROOT / "template.yaml":
            command += ["--parameter", "TrustedCas=any"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + deadline
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"drydock up is not ready:\n{self.log.read_text()}")
            time.sleep(0.02)
        self.ready = json.loads(ready.read_text())
        self.api_url = self.ready["apiUrl"]
        self.mqtt = (self.ready["mqtt"]["host"], self.ready["mqtt"]["port"])
        self.tls = (self.ready["tls"]["host"], self.ready["tls"]["port"])
        self.region = self.ready["region"]
        self.keys = keys
        self.root_ca = self.ready["rootCa"]
        self.folder = folder
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1], "AWS_REGION": self.ready["region"],
            "AWS_DEFAULT_REGION": self.ready["region"], "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
        }

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def device(self, name):
        """Makes a device with `drydock device create`; returns what it prints as JSON."""
        output = subprocess.run(
            [DRYDOCK, "device", "create", name, "--out", str(self.folder / name), "--api-url", self.api_url, "--json"],
            env=self.environment, capture_output=True, text=True, timeout=DEADLINE,
        )
        assert output.returncode == 0, output.stderr
        return json.loads(output.stdout)

    def run(self, *arguments):
        """Runs the AWS CLI; returns what it prints."""
        done = subprocess.run(
            ["aws", "--endpoint-url", self.api_url, *map(str, arguments)],
            env=self.environment, capture_output=True, text=True, timeout=DEADLINE,
        )
        assert done.returncode == 0, f"{arguments}:\n{done.stderr}"
        return done.stdout

    def aws(self, *arguments, fails=None, environment=None):
        """Runs the AWS CLI; returns its JSON output, or with `fails` checks the error and returns its text."""
        done = subprocess.run(
            ["aws", "--endpoint-url", self.api_url, "--output", "json", *map(str, arguments)],
            env=environment or self.environment, capture_output=True, text=True, timeout=DEADLINE,
        )
        if fails is not None:
            assert done.returncode != 0, f"{arguments} was to fail with {fails}:\n{done.stdout}"
            assert fails in done.stderr, done.stderr
            return done.stderr
        assert done.returncode == 0, f"{arguments}:\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else {}


    def told(self, text):
        """Waits until the gateway has told its watchers something: it does so beside its answer, not before it."""
        deadline = time.monotonic() + DEADLINE
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, f"{text} is not in\n{self.log.read_text()}"
            time.sleep(0.02)

    def websocket_url(self, keys=None):
        """A URL that opens a WebSocket on the TLS port, presigned by botocore."""
        request = AWSRequest("GET", "https://%s:%d/mqtt" % self.tls)
        signer = SigV4QueryAuth(Credentials(*(keys or self.keys)), "iotdevicegateway", self.region, expires=300)
        signer.add_auth(request)
        return request.url.replace("https:", "wss:", 1)


def openssl(*arguments, **options):
    """Runs openssl, which has to end well; returns what it prints."""
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=DEADLINE, **options).stdout


def node(script, given):
    """Runs a script, which `run` has put beside its modules, with one argument of JSON; returns whether it ended well, and the
    JSON that it printed."""
    command = ["node", str(NODE / script), json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * DEADLINE)
    assert done.stdout.strip(), done.stderr
    return done.returncode == 0, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def signed_gateway(tmp_path_factory):
    """A gateway with keys of its own, which checks every signature."""
    folder = tmp_path_factory.mktemp("gateway")
    text = '[[credentials]]\naccess_key_id = "%s"\nsecret_access_key = "%s"\n' % KEYS
    (folder / "drydock.toml").write_text(text)
    running = Gateway(folder, "--no-functions", keys=KEYS)
    yield running
    running.stop()
    assert running.process.returncode == 0, running.log.read_text()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway for the tests of one module."""
    running = Gateway(tmp_path_factory.mktemp("gateway"), "--no-functions")
    yield running
    running.stop()
    assert running.process.returncode == 0, running.log.read_text()


@pytest.fixture(scope="module")
def gateway_with_functions(tmp_path_factory):
    """The same with the template's functions, which are built where they are not yet."""
    running = Gateway(tmp_path_factory.mktemp("gateway"), deadline=20 * 60)
    yield running
    running.stop()
    assert running.process.returncode == 0, running.log.read_text()


def pytest_terminal_summary(terminalreporter):
    """Says what became of the examples of the AWS CLI's package: each test of one tells it as a property."""
    passed = terminalreporter.stats.get("passed", [])
    told = (value for report in passed for name, value in report.user_properties if name == "cli example")
    counts = collections.Counter(told)
    if counts:
        terminalreporter.section("examples of the AWS CLI")
        for what, count in sorted(counts.items()):
            terminalreporter.write_line(f"{count:4} {what}")
        terminalreporter.write_line(f"{sum(counts.values()):4} in all")
