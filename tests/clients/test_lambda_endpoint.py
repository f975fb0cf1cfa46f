"""Functions that `cargo lambda watch` runs, invoked by the names that it knows."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

from conftest import DEADLINE, Gateway

CARGO_LAMBDA = pathlib.Path(sys.executable).parent / "cargo-lambda"

MANIFEST = """
[package]
name = "relay"
version = "0.1.0"
edition = "2024"

[workspace]
"""

# Without dependencies: it answers events with themselves, over the Runtime API by hand.
FUNCTION = r"""
use std::io::{Read, Write};
use std::net::TcpStream;

fn call(method: &str, path: &str, body: &str) -> Option<(String, String)> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").ok()?;
    let api = api.trim_start_matches("http://");
    let (host, base) = api.split_once('/').map_or((api, String::new()), |(host, base)| (host, format!("/{base}")));
    let mut stream = TcpStream::connect(host).ok()?;
    let length = body.len();
    let head = format!("{method} {base}/2018-06-01/runtime/invocation/{path} HTTP/1.1\r\nHost: {host}\r\n");
    write!(stream, "{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.to_owned(), body.to_owned()))
}

fn main() {
    while let Some((head, event)) = call("GET", "next", "") {
        let id = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("lambda-runtime-aws-request-id").then(|| value.to_owned())
        });
        let Some(id) = id else { return };
        eprintln!("relayed {event}");
        call("POST", &format!("{id}/response"), &format!("{{\"relayed\":{event}}}"));
    }
}
"""

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Relay:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda}
    Properties:
      FunctionName: to-the-relay
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: .
      Timeout: 60
      Events:
        Message:
          Type: IoTRule
          Properties: {Sql: SELECT * FROM 'relay'}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text(MANIFEST)
    (tmp_path / "src" / "main.rs").write_text(FUNCTION)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(look, log):
    deadline = time.monotonic() + 4 * DEADLINE
    while not look():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(not shutil.which("cargo"), reason="`cargo lambda watch` builds by cargo")
def test_functions_that_cargo_lambda_watch_runs(project):
    port = free_port()
    # Nobody listens yet: it is told at the start, and what is invoked later finds the function.
    gateway = Gateway(project, "--lambda-endpoint", f"http://127.0.0.1:{port}", template=project / "template.yaml")
    gateway.told(f"nobody listens at the Lambda endpoint http://127.0.0.1:{port}")
    log = project / "watch.log"
    environment = {**os.environ, "CARGO_TARGET_DIR": str(project / "target")}
    environment.pop("RUSTC_WORKSPACE_WRAPPER", None)
    command = [CARGO_LAMBDA, "lambda", "watch", "--ignore-changes", "-A", "127.0.0.1", "-P", str(port)]
    with log.open("w") as output:
        watch = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: listens(port), log)
        gateway.aws("iot-data", "publish", "--topic", "relay", "--qos", "1", "--payload", '{"from":"a rule"}')
        # The first invoke compiles the function.
        wait_for(lambda: 'relayed {"from":"a rule"}' in log.read_text(), log)
        out = project / "out.json"
        gateway.aws("lambda", "invoke", "--function-name", "to-the-relay", "--payload", '{"a":1}', out)
        assert json.loads(out.read_text()) == {"relayed": {"a": 1}}
        # By the binary's name, which is the first that is tried.
        assert "doesn't exist" not in log.read_text(), log.read_text()
    finally:
        watch.terminate()
        watch.wait(DEADLINE)
        gateway.stop()
    assert gateway.process.returncode == 0, gateway.log.read_text()
