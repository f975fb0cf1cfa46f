"""The AWS CLI without a process for each command: it is the same code, and a command takes a fiftieth of the time."""

import contextlib
import io
import re
import shlex

import awscli.clidriver
import pytest

# What the CLI prints of an answer that is an error.
ERROR = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \([^)]*\))?: (.*)", re.DOTALL)


class Cli:
    """The AWS CLI in this process, as `aws` would run it, but that it makes each service's client once. It reads the variables of
    the process."""

    @classmethod
    @contextlib.contextmanager
    def of(cls, gateway):
        """The CLI for a gateway, with the variables that a caller of it has."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in gateway.environment.items():
                patch.setenv(name, value)
            yield cls(gateway.api_url)

    def __init__(self, url):
        self.url, self.clients = url, {}
        self.driver = awscli.clidriver.create_clidriver()
        self.make = self.driver.session.create_client
        self.driver.session.create_client = self.client

    def client(self, service, **options):
        """A client that was made before, or a new one."""
        kept = (service, options.get("region_name"))
        if kept not in self.clients:
            self.clients[kept] = self.make(service, **options)
        return self.clients[kept]

    def run(self, words):
        """Runs a command; returns how it ended, what it printed, and its complaint."""
        # Where an answer goes to a file, the CLI tells the client so when it makes it.
        kept = self.driver
        if words[0] == "iot-data" or any(word.endswith("outfile") for word in words):
            kept = awscli.clidriver.create_clidriver()
            kept.session.register_component("data_loader", self.driver.session.get_component("data_loader"))
        out, complaint = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaint):
            code = kept.main(["--endpoint-url", self.url, "--output", "json", *words])
        return code, out.getvalue(), complaint.getvalue()

    def succeeds(self, words):
        """Runs a command that has to succeed; returns what it prints."""
        code, out, complaint = self.run(words)
        assert code == 0, f"{shlex.join(words)}:\n{complaint}"
        return out

    def refused(self, words):
        """Runs a command that the service has to refuse; returns the error's code, the operation, and the service's message."""
        code, out, complaint = self.run(words)
        met = ERROR.search(complaint)
        assert met, f"{shlex.join(words)} ended with {code}:\n{out}{complaint}"
        return met.groups()
