"""The README's own blocks, as they stand there, pasted into bash and into zsh: each command has to succeed."""

import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.request

import conftest
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MADE = ["devices/hello", "devices/charger-1", "devices.json", "shadow.json", "wanted.json"]
# What the other steps run, what needs a registry, and what the test starts itself.
ELSEWHERE = re.compile(r"cargo run -- demo|cargo test --workspace|pip install .*|drydock up( &)?")


def commands():
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).splitlines()
    kept = [line for line in lines if not ELSEWHERE.fullmatch(line)]
    assert len(kept) > 15 and len(lines) - len(kept) == 5, "the README's blocks are not what this test takes them for"
    # An interactive zsh passes a comment on to the command.
    assert not [line for line in kept if re.search(r"\s#\s", line)]
    return kept


def clean():
    for name in MADE:
        path = ROOT / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_readme(shell, tmp_path):
    clean()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"DRYDOCK_DATA_DIR": str(tmp_path / "state"), "DRYDOCK_READY_FILE": str(tmp_path / "ready.json"), "HOME": str(tmp_path)}
    # As where it is installed.
    environment["PATH"] = f"{pathlib.Path(conftest.DRYDOCK).parent}:{environment['PATH']}"
    # Cargo and its toolchain are found without the home folder.
    environment |= {name: os.environ.get(name, str(pathlib.Path.home() / folder)) for name, folder in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"))}
    with (tmp_path / "up.log").open("w") as log:
        up = subprocess.Popen([conftest.DRYDOCK, "up"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 10 * conftest.DEADLINE
        while not (tmp_path / "ready.json").exists():
            assert up.poll() is None and time.monotonic() < end, (tmp_path / "up.log").read_text()
            time.sleep(0.05)
        assert urllib.request.urlopen("http://127.0.0.1:4566/health", timeout=conftest.DEADLINE).status == 200
        # Pasted: an interactive shell reads line by line.
        script = "\n".join(["set -e", *commands(), "echo all-of-it-ran", "exit", ""])
        done = subprocess.run([shell, *(["-f"] if shell == "zsh" else ["--norc"]), "-i"], input=script, cwd=ROOT, env=environment,
                              capture_output=True, text=True, timeout=10 * conftest.DEADLINE)
        assert "all-of-it-ran" in done.stdout.splitlines(), done.stdout + done.stderr
        # The last block made a rule and published what it matches.
        end = time.monotonic() + conftest.DEADLINE
        while not re.search(r"\bhot\b", (tmp_path / "up.log").read_text()):
            assert time.monotonic() < end, (tmp_path / "up.log").read_text()
            time.sleep(0.05)
    finally:
        up.terminate()
        up.wait(conftest.DEADLINE)
        clean()
    assert up.returncode == 0, (tmp_path / "up.log").read_text()
