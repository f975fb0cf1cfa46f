"""The AWS CLI invokes the template's functions, which run as processes of the gateway."""

import base64
import json

from conftest import ROOT


def function(gateway, word):
    """The name of the template's function that has a word in its name."""
    functions = gateway.aws("lambda", "list-functions")["Functions"]
    (name,) = [f["FunctionName"] for f in functions if word in f["FunctionName"]]
    return name


def invoke(gateway, name, payload, tmp_path, *options):
    output = tmp_path / "output.json"
    answer = gateway.aws("lambda", "invoke", "--function-name", name, "--payload", payload, *options, output)
    return answer, output.read_text()


def test_a_function_runs_and_its_log_is_told(gateway_with_functions, tmp_path):
    event = (ROOT / "events" / "connectivity-connected.json").read_text()
    name = function(gateway_with_functions, "Connectivity")
    answer, _ = invoke(gateway_with_functions, name, event, tmp_path, "--log-type", "Tail")
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer, answer
    assert "REPORT RequestId" in base64.b64decode(answer["LogResult"]).decode()
    client = json.loads(event)["clientId"]
    tables = gateway_with_functions.aws("dynamodb", "list-tables")["TableNames"]
    (table,) = [t for t in tables if "Connectivity" in t]
    items = gateway_with_functions.aws("dynamodb", "scan", "--table-name", table)["Items"]
    assert [i["connected"]["BOOL"] for i in items if i["clientId"]["S"] == client] == [True]


def test_an_event_that_is_none_is_a_function_error(gateway_with_functions, tmp_path):
    name = function(gateway_with_functions, "JitRegistration")
    answer, output = invoke(gateway_with_functions, name, '{"no": "event"}', tmp_path)
    assert answer["FunctionError"] == "Unhandled"
    assert "errorMessage" in json.loads(output)


def test_an_asynchronous_invoke_is_taken_at_once(gateway_with_functions, tmp_path):
    name = function(gateway_with_functions, "Connectivity")
    event = (ROOT / "events" / "connectivity-disconnected.json").read_text()
    answer, _ = invoke(gateway_with_functions, name, event, tmp_path, "--invocation-type", "Event")
    assert answer["StatusCode"] == 202


def test_a_function_that_is_not_there(gateway_with_functions, tmp_path):
    gateway_with_functions.aws("lambda", "invoke", "--function-name", "nobody", tmp_path / "out", fails="ResourceNotFoundException")
