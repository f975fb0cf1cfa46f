"""The examples that the AWS CLI's own package carries (`awscli/examples/iot*/*.rst`): replayed where the gateway has what they
need, their printed output compared with the gateway's by its shape. Each example is either in STEPS, or under a reason in
ELSEWHERE: one that a later CLI brings along fails `test_every_example_is_accounted_for`."""

import collections
import json
import pathlib
import re
import shlex
import subprocess
import textwrap

import awscli
import conftest
import pytest

EXAMPLES = pathlib.Path(awscli.__file__).parent / "examples"
REGION, ACCOUNT = "us-west-2", "123456789012"
# Each example has its command, what is printed for it, and the files that it says it reads.
Example = collections.namedtuple("Example", "name arguments output files")

# The examples that are replayed, in an order in which each finds what it needs. A name is that of the file, with the number of
# the command in it where there are several.
STEPS = """
create-thing-type create-thing/1 create-thing/2 describe-thing-type list-thing-types list-things/1 list-things/2 update-thing
create-thing-group/1 create-thing-group/2 describe-thing-group update-thing-group list-thing-groups
add-thing-to-thing-group list-thing-groups-for-thing list-things-in-thing-group tag-resource list-tags-for-resource
update-thing-groups-for-thing remove-thing-from-thing-group delete-thing-group
create-billing-group describe-billing-group update-billing-group list-billing-groups add-thing-to-billing-group/1
list-things-in-billing-group remove-thing-from-billing-group delete-billing-group
deprecate-thing-type/1 deprecate-thing-type/2
create-policy create-policy-version get-policy list-policies list-policy-versions set-default-policy-version
attach-policy/1 attach-policy/2 list-attached-policies/1 list-attached-policies/2 list-targets-for-policy
get-effective-policies test-authorization detach-policy/1 detach-policy/2 delete-policy-version delete-policy
create-keys-and-certificate create-certificate-from-csr attach-thing-principal list-thing-principals list-principal-things
describe-certificate list-certificates update-certificate detach-thing-principal delete-certificate
transfer-certificate list-outgoing-certificates cancel-certificate-transfer
get-registration-code register-ca-certificate describe-ca-certificate list-ca-certificates update-ca-certificate
register-certificate list-certificates-by-ca delete-ca-certificate delete-registration-code
create-authorizer describe-authorizer list-authorizers set-default-authorizer describe-default-authorizer
clear-default-authorizer update-authorizer delete-authorizer
create-domain-configuration describe-domain-configuration list-domain-configurations update-domain-configuration
create-role-alias describe-role-alias list-role-aliases update-role-alias delete-role-alias
create-topic-rule get-topic-rule list-topic-rules replace-topic-rule disable-topic-rule enable-topic-rule delete-topic-rule
create-topic-rule-destination get-topic-rule-destination list-topic-rule-destinations
update-topic-rule-destination/2 delete-topic-rule-destination
describe-endpoint/1 describe-endpoint/2 describe-event-configurations update-event-configurations
set-v2-logging-options get-v2-logging-options set-v2-logging-level list-v2-logging-levels delete-v2-logging-level
create-provisioning-template-version describe-provisioning-template describe-provisioning-template-version
list-provisioning-templates list-provisioning-template-versions create-provisioning-claim update-provisioning-template
delete-provisioning-template-version delete-provisioning-template register-thing
iot-data:update-thing-shadow iot-data:get-thing-shadow iot-data:delete-thing-shadow
""".split()

# The examples that are not replayed, by the reason. A name that ends in `*` stands for all that begin so.
ELSEWHERE = {
    "the gateway has no jobs, and answers so": """
        associate-targets-with-job cancel-job cancel-job-execution create-job delete-job delete-job-execution describe-job
        describe-job-execution get-job-document list-job-executions-for-job list-job-executions-for-thing list-jobs update-job
        iot-jobs-data:*""",
    "the gateway has no streams and no OTA updates, and answers so": """
        create-stream delete-stream describe-stream list-streams update-stream
        create-ota-update delete-ota-update get-ota-update list-ota-updates""",
    "the gateway has no fleet index and no dynamic groups, and answers so": """
        describe-index get-cardinality get-indexing-configuration get-percentiles get-statistics list-indices search-index
        update-indexing-configuration create-dynamic-thing-group delete-dynamic-thing-group update-dynamic-thing-group""",
    "the gateway has no Device Defender, and answers so": """
        attach-security-profile cancel-audit-mitigation-actions-task cancel-audit-task create-audit-suppression
        create-custom-metric create-dimension create-mitigation-action create-scheduled-audit create-security-profile
        delete-account-audit-configuration delete-audit-suppression delete-custom-metric delete-dimension
        delete-mitigation-action delete-scheduled-audit delete-security-profile describe-account-audit-configuration
        describe-audit-finding describe-audit-mitigation-actions-task describe-audit-suppression describe-audit-task
        describe-custom-metric describe-dimension describe-mitigation-action describe-scheduled-audit
        describe-security-profile detach-security-profile get-behavior-model-training-summaries list-active-violations
        list-audit-findings/* list-audit-mitigation-actions-executions list-audit-mitigation-actions-tasks
        list-audit-suppressions list-audit-tasks list-custom-metrics list-dimensions list-mitigation-actions
        list-mitigations-actions list-scheduled-audits list-security-profiles list-security-profiles-for-target
        list-targets-for-security-profile list-violation-events start-audit-mitigation-actions-task
        start-on-demand-audit-task update-account-audit-configuration/* update-audit-suppression update-custom-metric
        update-dimension update-mitigation-action update-scheduled-audit update-security-profile
        validate-security-profile-behaviors/*""",
    "the command is wrong: an operation without such options, or a file that is not JSON": """
        add-thing-to-billing-group/2 get-policy-version delete-domain-configuration create-provisioning-template""",
    "another account has to offer the certificate first": "accept-certificate-transfer reject-certificate-transfer",
    "it has a token or a signature of another account in it": "confirm-topic-rule-destination test-invoke-authorizer",
    "five minutes have to pass since the type was deprecated": "delete-thing-type",
    "the older logging options and the newer exclude each other": "get-logging-options",
    "the endpoint, example.com, would have to answer": "update-topic-rule-destination/1 update-topic-rule-destination/3",
}

# What is printed that the gateway does not answer, and why that is right.
ABSENT = {
    "list-things/1": {"thingTypeName": "the first thing here has none"},
}

# A number or a text: the CLI prints times as either, by its version.
MOMENT = re.compile(r"(date|at|time|timestamp|notbefore|notafter|expiration)$", re.IGNORECASE)


def blocks(text):
    """The literal blocks of a page, each with the line that leads to it."""
    lines = text.splitlines()
    lead, body = "", []
    for line in [*lines, "end"]:
        if lead and (not line.strip() or line[:1] in " \t"):
            body.append(line)
            continue
        if lead:
            yield lead, textwrap.dedent("\n".join(body)).strip()
        lead, body = (line, []) if line.rstrip().endswith("::") else ("", [])


def examples():
    """Every example of the pages."""
    for folder in ("iot", "iot-data", "iot-jobs-data"):
        for page in sorted((EXAMPLES / folder).glob("*.rst")):
            found = []
            for lead, body in blocks(page.read_text()):
                named = re.search(r"``([\w.-]+\.(?:json|txt))``", lead)
                if body.startswith("aws "):
                    found.append([body, None, {}])
                elif found and named and named[1] != "output.txt":
                    found[-1][2][named[1]] = body
                elif found and found[-1][1] is None and body[:1] in "{[":
                    found[-1][1] = body
            for number, (command, output, files) in enumerate(found, 1):
                name = page.stem if folder == "iot" else f"{folder}:{page.stem}"
                name = name if len(found) == 1 else f"{name}/{number}"
                yield Example(name, arguments(command), output, files)


def arguments(command):
    """What a shell makes of a command, its inner quotes mended where the page forgot to escape them."""
    command = re.sub(r"\\\s*\n\s*", " ", command)
    command = re.sub(r"\s+", " ", command)
    command = re.sub(r'"(\{"[^\\]*?\})"(?= |$)', r"'\1'", command)
    return shlex.split(command)[1:]


ALL = {example.name: example for example in examples()}


def reasons():
    """The reason of each example that is not replayed."""
    found = {}
    for reason, names in ELSEWHERE.items():
        for name in names.split():
            for known in ALL:
                if known == name or (name.endswith("*") and known.startswith(name[:-1])):
                    found[known] = reason
    return found


def shape(name, printed, answered, place="the output"):
    """Compares what is printed on a page with an answer: what there is, and of which type."""
    if isinstance(printed, dict):
        assert isinstance(answered, dict), f"{place} is {answered!r}"
        for key, value in printed.items():
            if key in ABSENT.get(name, {}) and key not in answered:
                continue
            assert key in answered, f"{place} has no `{key}`: {answered}"
            here = f"{place}.{key}"
            if MOMENT.search(key) and not isinstance(value, (dict, list)):
                assert isinstance(answered[key], (int, float, str)), f"{here} is {answered[key]!r}"
            else:
                shape(name, value, answered[key], here)
    elif isinstance(printed, list):
        assert isinstance(answered, list), f"{place} is {answered!r}"
        assert bool(answered) or not printed, f"{place} is empty"
        if printed and answered:
            shape(name, printed[0], answered[0], f"{place}[0]")
    elif printed is not None:
        numbers = (int, float)
        fits = isinstance(answered, numbers) if isinstance(printed, numbers) else isinstance(answered, type(printed))
        assert fits and isinstance(printed, bool) == isinstance(answered, bool), f"{place} is {answered!r}, not {printed!r}"


class World:
    """A gateway with what the examples take for granted, and the identifiers that stand for those of the pages."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.identifiers = {}
        self.destination = None

    def certificate(self, identifier):
        """The certificate that stands for one of a page."""
        if identifier not in self.identifiers:
            made = self.gateway.aws("iot", "create-keys-and-certificate", "--set-as-active")
            self.identifiers[identifier] = made["certificateId"]
        return self.identifiers[identifier]

    def prepare(self, name):
        """Does what an example says was done before."""
        for command in PREPARE.get(name, []):
            self.gateway.aws(*[self.real(word) for word in shlex.split(command)])

    def real(self, word):
        """A word of a command, with the identifiers of this gateway."""
        word = word.replace("094249569039", ACCOUNT)
        if "ruledestination" in word:
            return self.destination
        if "/" in word and not word.startswith("arn:") and "cert/" not in word:
            return word
        if word.startswith("{"):
            return re.sub(r"\b[0-9a-f]{16,}(?:EXAMPLE[0-9a-zA-Z]*)?\b", lambda found: self.certificate(found[0]), word)
        whole = re.fullmatch(r"(arn:aws:iot:[^:]*:\d+:cert/)?([0-9a-f]{16,}(?:EXAMPLE[0-9a-zA-Z]*)?)", word)
        return (whole[1] or "") + self.certificate(whole[2]) if whole else word


POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})
RULE = json.dumps({"sql": "SELECT * FROM 'a'", "actions": [{"sns": {
    "targetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:MyRPiLowMoistureTopic",
    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/service-role/MyRPiLowMoistureTopicRole"}}]})
TEMPLATE = json.dumps({"Parameters": {"SerialNumber": {"Type": "String"}}, "Resources": {
    "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
        "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}}}})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Provision_role"


def policy(name):
    return f"iot create-policy --policy-name {name} --policy-document {shlex.quote(POLICY)}"


def group(name):
    return f"iot create-thing-group --thing-group-name {name}"


def template(name):
    return (f"iot create-provisioning-template --template-name {name} --description widgets "
            f"--provisioning-role-arn {ROLE} --template-body {shlex.quote(TEMPLATE)}")


def certificate_arn(identifier):
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{identifier}"


FIRST = "4f0ba725787aa94d67d2fca420eca022242532e8b3c58e7465c7778b443fd65e"
SECOND = "488b6a7f2acdeb00a77384e63c4e40b18b1b3caaae57b7272ba44c45e3448142"
THIRD = "2e1eb273792174ec2b9bf4e9b37e6c6c692345499506002a35159767055278e8"
# What is there before an example, as commands.
PREPARE = {
    "update-thing": ["iot create-thing --thing-name MyOtherLightBulb"],
    "update-thing-groups-for-thing": [group("replaceableItems"), group("DeadBulbs")],
    "remove-thing-from-thing-group": ["iot create-thing --thing-name bulb7"],
    "delete-thing-group": [group("DefectiveBulbs")],
    "remove-thing-from-billing-group": ["iot add-thing-to-billing-group --billing-group-name GroupOne --thing-name MyOtherLightBulb"],
    "delete-billing-group": ["iot create-billing-group --billing-group-name BillingGroupTwo"],
    "deprecate-thing-type/1": ["iot create-thing-type --thing-type-name obsoleteThingType"],
    "create-policy-version": [policy("UpdateDeviceCertPolicy")],
    "list-policy-versions": [policy("LightBulbPolicy")],
    "list-attached-policies/2": [f"iot attach-policy --policy-name TemperatureSensorPolicy --target {certificate_arn(SECOND)}"],
    "get-effective-policies": ["iot create-thing --thing-name TemperatureSensor-001"],
    "test-authorization": [
        policy("TestPolicyAllowed"),
        f"iot attach-policy --policy-name TestPolicyAllowed --target {certificate_arn('aab1068f7f43ac3e3cae4b3a8aa3f308d2a750e6350507962e32c1eb465d9775')}",
    ],
    "detach-policy/1": [policy("MyFirstGroup_Core-policy")],
    "delete-policy-version": ["iot set-default-policy-version --policy-name UpdateDeviceCertPolicy --policy-version-id 1"],
    "delete-policy": [
        f"iot detach-policy --policy-name UpdateDeviceCertPolicy --target arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/LightBulbs",
        f"iot detach-policy --policy-name UpdateDeviceCertPolicy --target {certificate_arn(FIRST)}",
    ],
    "attach-thing-principal": ["iot create-thing --thing-name MyTemperatureSensor"],
    "list-thing-principals": [
        "iot create-thing --thing-name MyRaspberryPi",
        f"iot attach-thing-principal --thing-name MyRaspberryPi --principal {certificate_arn(THIRD)}",
    ],
    "detach-thing-principal": [
        f"iot attach-thing-principal --thing-name MyLightBulb --principal {certificate_arn('604c48437a57b7d5fc5d137c5be75011c6ee67c9a6943683a1acb4b1626bac36')}",
    ],
    "delete-certificate": ["iot update-certificate --new-status INACTIVE --certificate-id c0c57bbc8baaf4631a9a0345c957657f5e710473e3ddbee1428d216d54d53ac9"],
    "transfer-certificate": [f"iot update-certificate --new-status INACTIVE --certificate-id {SECOND}"],
    "cancel-certificate-transfer": [
        "iot update-certificate --new-status INACTIVE --certificate-id f0f33678c7c9a046e5cc87b2b1a58dfa0beec26db78addd5e605d630e05c7fc8",
        "iot transfer-certificate --target-aws-account 030714055129 --certificate-id f0f33678c7c9a046e5cc87b2b1a58dfa0beec26db78addd5e605d630e05c7fc8",
    ],
    "delete-ca-certificate": ["iot update-ca-certificate --new-status INACTIVE --certificate-id f4efed62c0142f16af278166f61962501165c4f0536295207426460058cd1467"],
    "update-authorizer": [
        f"iot create-authorizer --authorizer-name CustomAuthorizer2 --signing-disabled --status ACTIVE "
        f"--authorizer-function-arn arn:aws:lambda:{REGION}:{ACCOUNT}:function:CustomAuthorizer2Function",
    ],
    "delete-authorizer": ["iot update-authorizer --authorizer-name CustomAuthorizer --status INACTIVE"],
    "get-topic-rule": [f"iot create-topic-rule --rule-name MyRPiLowMoistureAlertRule --topic-rule-payload {shlex.quote(RULE)}"],
    "disable-topic-rule": [f"iot create-topic-rule --rule-name MyPlantPiMoistureAlertRule --topic-rule-payload {shlex.quote(RULE)}"],
    "set-v2-logging-level": [],
    "create-provisioning-template-version": [template("widget-template"), template("MyTestProvisioningTemplate")],
    "update-provisioning-template": [],
    "register-thing": [policy("MyIotPolicy"), "iot create-thing-type --thing-type-name VirtualThings"],
    "iot-data:update-thing-shadow": ["iot create-thing --thing-name MyRPi"],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    running = conftest.Gateway(folder, "--no-functions", "--region", REGION, "--account", ACCOUNT)
    yield World(running)
    running.stop()
    assert running.process.returncode == 0, running.log.read_text()


def authority(world, folder):
    """The files of "register-ca-certificate" and "register-certificate"."""
    code = world.gateway.aws("iot", "get-registration-code")["registrationCode"]
    root, key = folder / "rootCA.pem", folder / "root.key"
    conftest.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", root, "-days", 30,
                     "-subj", "/CN=Example CA", "-addext", "keyUsage=critical,keyCertSign")
    for name, subject in (("verificationCert", code), ("deviceCert", "device")):
        request = folder / f"{name}.csr"
        conftest.openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / f"{name}.key",
                         "-out", request, "-subj", f"/CN={subject}")
        conftest.openssl("x509", "-req", "-in", request, "-CA", root, "-CAkey", key, "-CAcreateserial", "-days", 20,
                         "-out", folder / f"{name}.pem")


@pytest.mark.parametrize("name", STEPS)
def test_example(world, name):
    example = ALL[name]
    folder = world.gateway.folder
    world.prepare(name)
    for file, content in example.files.items():
        (folder / file).write_text(content)
    if name == "create-provisioning-template-version" or "template.json" in " ".join(example.arguments):
        (folder / "template.json").write_text(TEMPLATE)
    if name == "create-certificate-from-csr":
        conftest.openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "csr.key",
                         "-out", folder / "certificate.csr", "-subj", "/CN=example")
    if name == "register-ca-certificate":
        authority(world, folder)
    words = [world.real(word) for word in example.arguments]
    if name == "create-authorizer":
        key = conftest.openssl("genrsa", 2048)
        public = conftest.openssl("rsa", "-pubout", input=key).decode()
        at = words.index("--token-signing-public-keys")
        words[at + 1:] = [f"FIRST_KEY={public}"]
    done = subprocess.run(
        ["aws", "--endpoint-url", world.gateway.api_url, "--output", "json", *words],
        env=world.gateway.environment, cwd=folder, capture_output=True, text=True, timeout=conftest.DEADLINE,
    )
    assert done.returncode == 0, f"{words}:\n{done.stderr}"
    answer = json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else None
    if "output.txt" in example.arguments:
        answer = json.loads((folder / "output.txt").read_text())
    if name == "create-topic-rule-destination":
        world.destination = answer["topicRuleDestination"]["arn"]
    if name == "register-ca-certificate":
        world.identifiers["f4efed62c0142f16af278166f61962501165c4f0536295207426460058cd1467"] = answer["certificateId"]
    if example.output is None:
        return
    try:
        printed = json.loads(example.output, strict=False)
    except ValueError:
        # Some pages leave a comma out, or break a text over lines: then that there is an answer is all that is compared.
        assert answer is not None, done.stdout
        return
    assert answer is not None, done.stdout
    shape(name, printed, answer)


def test_every_example_is_accounted_for(capsys):
    left = reasons()
    both = set(STEPS) & set(left)
    assert not both, f"replayed, and not: {sorted(both)}"
    unknown = set(ALL) - set(STEPS) - set(left)
    assert not unknown, f"neither replayed nor given a reason: {sorted(unknown)}"
    gone = set(STEPS) - set(ALL)
    assert not gone, f"no longer in the package: {sorted(gone)}"
    counted = collections.Counter(left.values())
    with capsys.disabled():
        print(f"\n{len(STEPS)} of {len(ALL)} examples of the AWS CLI are replayed; {len(left)} are not:")
        for reason, count in counted.most_common():
            print(f"  {count:3} {reason}: {', '.join(sorted(name for name in left if left[name] == reason))}")
