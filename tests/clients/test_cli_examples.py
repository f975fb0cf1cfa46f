"""The examples that the AWS CLI's own package carries (`awscli/examples/iot*/*.rst`), replayed by the CLI itself in this process,
their printed output compared with the gateway's answer. What becomes of each is in `cli_examples.toml`; an example that a later
CLI brings along fails here until it is there, too. The end of the run shows the counts."""

import fnmatch
import http.server
import json
import pathlib
import queue
import re
import shlex
import threading
import tomllib
import urllib.request

import cli_pages
import conftest
import pytest
from cli_answers import TOKEN, compare
from cli_in_process import Cli

BOOK = tomllib.loads((pathlib.Path(__file__).parent / "cli_examples.toml").read_text())
ALL = cli_pages.read(BOOK["mends"])
REGION, ACCOUNT = "us-west-2", "123456789012"


def named(table):
    """Which example belongs under which heading of a table."""
    found = {}
    for heading, names in BOOK[table].items():
        for name in names.split():
            met = fnmatch.filter(ALL, name)
            assert met, f"`{name}` in [{table}] is not an example"
            found.update(dict.fromkeys(met, heading))
    return found


NOT_APPLYING = named("does-not-apply")


class World:
    """A gateway, and for one example the account that its page takes for granted."""

    def __init__(self, gateway, cli, receiver, arrived, authority):
        self.gateway, self.cli, self.arrived, self.authority = gateway, cli, arrived, authority
        self.receiver = receiver

    def begin(self, folder):
        """Empties the account, and forgets what stood for what."""
        self.post("reset")
        self.folder, self.done = folder, set()
        # A path of its own, so that what comes late is not taken for its.
        self.path = "/" + folder.name
        self.names = {"https://example.com": self.receiver + self.path}

    def post(self, path, body=None):
        """Asks something of the gateway's own API."""
        request = urllib.request.Request(f"{self.gateway.api_url}/_drydock/{path}", method="POST", data=json.dumps(body).encode())
        urllib.request.urlopen(request, timeout=conftest.DEADLINE).read()

    def prepare(self, step):
        """Does one thing that an example says was done before it."""
        if step.startswith(("iot ", "iot-data ", "s3api ")):
            self.run(shlex.split(step), {})
        elif step == "five minutes pass":
            self.post("clock", {"advance": "5m"})
        elif step == "the confirmation arrives":
            token = next(token[0] for word in ALL["confirm-topic-rule-destination"].words for token in TOKEN.finditer(word))
            path, body = "", b""
            while not path.startswith(self.path):
                path, body = self.arrived.get(timeout=conftest.DEADLINE)
            self.names[token] = json.loads(body)["confirmationToken"]
        elif step not in self.done:
            self.done.add(step)
            for inner in BOOK["steps"].get(step, BOOK["replayed"].get(step, [])):
                self.prepare(inner)
            if step in ALL:
                example = ALL[step]
                answer = self.run(example.words, example.files)
                if answer is not None:
                    compare(example.printed, answer, self.names)
            else:
                assert step in BOOK["steps"], f"`{step}` is neither an example nor one of [steps]"

    def run(self, words, files):
        """Runs a command that has to succeed; returns the JSON that it prints or writes, `None` where there is none."""
        out = self.cli.succeeds(self.real(words, files))
        if words[-1] == "output.txt":
            out = (self.folder / "output.txt").read_text()
        return json.loads(out) if out.strip() else None

    def real(self, words, files):
        """The words of a command, with what stands here for the page's identifiers, and the files that they name written."""
        for name in re.findall(r"(?:^|=)file://(\S+)", "\n".join(words), re.MULTILINE):
            content = files.get(name) or BOOK["files"].get(name) or self.authority(name, self)
            (self.folder / name).write_text(content)
        return [TOKEN.sub(self.stands_for, word) for word in words]

    def stands_for(self, token):
        """What stands for a token of a page; where that is a certificate, one is made."""
        if self.names is None:
            return token[0]
        if token[0] not in self.names and token.lastgroup == "certificate":
            # By a request, as a key of RSA takes its time.
            request = ["--certificate-signing-request", "file://certificate.csr"]
            made = self.run(["iot", "create-certificate-from-csr", *request, "--set-as-active"], {})
            self.names[token[0]] = made["certificateId"]
        return self.names.get(token[0], token[0])


class Authority:
    """Makes the certificates and requests that pages name without showing them."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "rootCA.pem"
        conftest.openssl("req", "-x509", *self.key("root"), "-out", self.root, "-days", 30, "-subj", "/CN=Example CA",
                         "-addext", "keyUsage=critical,keyCertSign")
        self.request("device", "device")

    def key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.folder / f"{name}.key"]

    def request(self, name, subject):
        """A request with a key of its own."""
        conftest.openssl("req", "-new", *self.key(name), "-out", self.folder / f"{name}.csr", "-subj", f"/CN={subject}")
        return self.folder / f"{name}.csr"

    def sign(self, request):
        """The certificate that the root gives for a request."""
        return conftest.openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self.folder / "root.key",
                                "-CAcreateserial", "-days", 20).decode()

    def __call__(self, name, world):
        """The content of a file."""
        if name == "rootCA.pem":
            return self.root.read_text()
        if name == "deviceCert.pem":
            return self.sign(self.folder / "device.csr")
        if name == "certificate.csr":
            return (self.folder / "device.csr").read_text()
        assert name == "verificationCert.pem", f"nothing says what `{name}` has in it"
        code = world.run(["iot", "get-registration-code"], {})["registrationCode"]
        return self.sign(self.request("verification", code))


@pytest.fixture(scope="module")
def receiver():
    """A web server on loopback; what it is posted goes to a queue."""
    arrived = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            arrived.put((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", arrived
    server.shutdown()


@pytest.fixture(scope="module")
def world(tmp_path_factory, receiver):
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "template.json").write_text('{"Resources": {}}')
    running = conftest.Gateway(folder, "--region", REGION, "--account", ACCOUNT, template=folder / "template.json")
    with Cli.of(running) as cli:
        yield World(running, cli, *receiver, Authority(tmp_path_factory.mktemp("authority")))
    running.stop()
    assert running.process.returncode == 0, running.log.read_text()


@pytest.mark.parametrize("name", BOOK["replayed"])
def test_replayed(world, name, tmp_path, monkeypatch, record_property):
    monkeypatch.chdir(tmp_path)
    world.begin(tmp_path)
    for step in BOOK["replayed"][name]:
        world.prepare(step)
    example = ALL[name]
    answer = world.run(example.words, example.files)
    found = compare(example.printed, answer, world.names, unordered=" list-" in example.command)
    newer = [place for place, what in found if place.split(".")[-1] in BOOK["newer"] and what.startswith("is not on the page")]
    found = {place: what for place, what in found if place not in newer}
    allowed = BOOK["differs"].get(name, {})
    unexpected = [f"{place or 'the answer'} {found.get(place, 'is as printed')}" for place in found.keys() ^ allowed.keys()]
    assert not unexpected, "; ".join(unexpected)
    record_property("cli example", "replayed, with a named difference" if found else "replayed and alike")


# One example of each service that the gateway does not play: the others are refused alike.
OTHERS = ["iotdeviceadvisor:list-suite-definitions/1", "iotsitewise:list-portals", "iotthingsgraph:search-things",
          "iotwireless:list-destinations"]


def test_another_service_is_named(world, tmp_path, monkeypatch):
    # The name of an operation that AWS puts before that of a host would not be found.
    monkeypatch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
    world.begin(tmp_path)
    assert {name.split(":")[0] for name in NOT_APPLYING if ":" in name} == {name.split(":")[0] for name in OTHERS}
    for name in OTHERS:
        code, operation, message = refused(world, name)
        service = name.split(":")[0]
        assert code == "NotImplementedException" and service in message, f"{operation}: {code}: {message}"


def refused(world, name):
    """Runs an example that has to be refused: the code of the error, the operation, and the message."""
    example = ALL[name]
    words = world.real(example.words, example.files)
    for option in ("--endpoint-url", "--region"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    return world.cli.refused(words)


def test_every_example_is_accounted_for(record_property):
    tables = (set(BOOK["replayed"]), set(NOT_APPLYING))
    unknown = set(ALL) - set().union(*tables)
    assert not unknown, f"neither replayed nor given a reason: {sorted(unknown)}"
    assert sum(map(len, tables)) == len(set().union(*tables)), "an example is in two tables"
    gone = set(BOOK["replayed"]) - set(ALL)
    assert not gone, f"no longer in the package: {sorted(gone)}"
    assert not set(BOOK["differs"]) - set(BOOK["replayed"]), "a difference of an example that is not replayed"
    for reason in NOT_APPLYING.values():
        record_property("cli example", f"does not apply: {reason}")
