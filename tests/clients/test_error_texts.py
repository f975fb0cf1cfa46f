"""The texts of AWS's errors that programs match, each brought about with the AWS CLI. They are in `error_texts.toml`."""

import json
import pathlib
import shlex
import tomllib
import urllib.request

import conftest
import pytest
from cli_in_process import Cli

ERRORS = tomllib.loads((pathlib.Path(__file__).parent / "error_texts.toml").read_text())["errors"]
DOCUMENT = shlex.quote(json.dumps({"Version": "2012-10-17", "Statement": []}))
TEMPLATE = {"Parameters": {"AWS::IoT::Certificate::Id": {"Type": "String"}}, "Resources": {
    "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
        "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}}}}
# What is often done before.
SHORT = {"policy": "iot create-policy --policy-name {} --policy-document " + DOCUMENT,
         "version": "iot create-policy-version --policy-name {} --policy-document " + DOCUMENT}


@pytest.fixture(scope="module")
def cli(gateway):
    with Cli.of(gateway) as cli:
        yield cli


@pytest.mark.parametrize("error", ERRORS, ids=[error["text"][:60] for error in ERRORS])
def test_text(gateway, cli, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reset = urllib.request.Request(f"{gateway.api_url}/_drydock/reset", method="POST")
    urllib.request.urlopen(reset, timeout=conftest.DEADLINE).read()
    made = json.loads(cli.succeeds(["iot", "create-keys-and-certificate", "--set-as-active"]))
    pathlib.Path("certificate.pem").write_text(made["certificatePem"])
    pathlib.Path("template.json").write_text(json.dumps(TEMPLATE))

    def real(text):
        return text.replace("{certificate}", made["certificateId"]).replace("{arn}", made["certificateArn"])

    for step in error.get("before", []):
        short, _, name = step.partition(" ")
        cli.succeeds(shlex.split(SHORT[short].replace("{}", name, 1) if short in SHORT else real(step)))
    code, _, message = cli.refused(shlex.split(real(error["command"])))
    assert code == error["code"], message
    assert real(error["text"]) in message
