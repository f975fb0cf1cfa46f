"""The AWS CLI walks the operations on CAs, certificates, transfers, certificate providers and role aliases, refusals included."""

import http.client
import json
import ssl

import pytest

from conftest import Gateway, openssl

HERE, THERE = "123456789012", "210987654321"
ROLES = """
Resources:
  Devices:
    Type: AWS::IAM::Role
    Properties:
      RoleName: devices
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { Service: credentials.iot.amazonaws.com }, Action: sts:AssumeRole }
  Cameras:
    Type: AWS::IoT::RoleAlias
    Properties: { RoleAlias: cameras, RoleArn: !GetAtt Devices.Arn }
"""


class Maker:
    """A CA made with openssl, and what it signs."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                     "-subj", f"/O=Harbour/CN={name}", "-addext", "keyUsage=critical,keyCertSign",
                     "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def openssl(self, *arguments):
        openssl(*arguments, cwd=self.folder)

    def file(self, name):
        return f"file://{self.folder}/{name}.pem"

    @property
    def ca(self):
        return self.file(self.name)

    def sign(self, name):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key",
                     "-CAcreateserial", "-days", "30", "-out", f"{name}.pem")
        return self.file(name)


@pytest.fixture(scope="module")
def iot(gateway):
    """`aws iot OPERATION --option value …`."""

    def run(operation, fails=None, **options):
        arguments = []
        for name, value in options.items():
            option = "--" + name.replace("_", "-")
            if value is True:
                arguments.append(option)
            elif value is False:
                arguments.append("--no-" + name.replace("_", "-"))
            else:
                arguments += [option, value if isinstance(value, (str, int)) else json.dumps(value)]
        return gateway.aws("iot", operation, *arguments, fails=fails)

    return run


@pytest.fixture
def certificate(iot):
    """Makes a certificate, active or not; gives its id and ARN."""

    def make(active=False):
        made = iot("create-keys-and-certificate", set_as_active=active)
        return made["certificateId"], made["certificateArn"]

    return make


def pages(iot, operation, key, size, **options):
    """A whole list, page by page: the CLI leaves that to the caller where the operation itself has `--page-size`."""
    found, marker = [], {}
    while True:
        page = iot(operation, page_size=size, **options, **marker)
        assert len(page[key]) <= size
        found += page[key]
        if "nextMarker" not in page:
            return found
        marker = {"marker": page["nextMarker"]}


def describe(iot, identifier):
    return iot("describe-certificate", certificate_id=identifier)["certificateDescription"]


def test_the_life_of_a_ca(iot, tmp_path):
    maker = Maker(tmp_path, "ca")
    code = iot("get-registration-code")["registrationCode"]
    assert iot("get-registration-code")["registrationCode"] == code
    proof = maker.sign(code)
    iot("register-ca-certificate", ca_certificate=maker.ca, fails="CertificateValidationException")
    iot("register-ca-certificate", ca_certificate=maker.ca, verification_certificate=maker.sign("wrong"),
        fails="RegistrationCodeValidationException")
    made = iot("register-ca-certificate", ca_certificate=maker.ca, verification_certificate=proof)
    identifier = made["certificateId"]
    assert made["certificateArn"].endswith(f":cacert/{identifier}")
    iot("register-ca-certificate", ca_certificate=maker.ca, verification_certificate=proof, fails="ResourceAlreadyExistsException")

    seen = iot("describe-ca-certificate", certificate_id=identifier)["certificateDescription"]
    assert (seen["status"], seen["autoRegistrationStatus"], seen["certificateMode"]) == ("INACTIVE", "DISABLE", "DEFAULT")
    device = maker.sign("pump-1")
    iot("register-certificate", certificate_pem=device, fails="CertificateStateException")
    role = f"arn:aws:iam::{HERE}:role/provisioning"
    iot("update-ca-certificate", certificate_id=identifier, new_status="ACTIVE", new_auto_registration_status="ENABLE")
    seen = iot("describe-ca-certificate", certificate_id=identifier)["certificateDescription"]
    assert (seen["status"], seen["autoRegistrationStatus"]) == ("ACTIVE", "ENABLE")
    template = {"templateBody": json.dumps({"Resources": {"certificate": {
        "Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}}}}}), "roleArn": role}
    iot("update-ca-certificate", certificate_id=identifier, registration_config=template)
    assert iot("describe-ca-certificate", certificate_id=identifier)["registrationConfig"] == template
    iot("update-ca-certificate", certificate_id=identifier, remove_auto_registration=True)
    seen = iot("describe-ca-certificate", certificate_id=identifier)
    assert "registrationConfig" not in seen
    assert seen["certificateDescription"]["autoRegistrationStatus"] == "DISABLE"

    registered = iot("register-certificate", certificate_pem=device, ca_certificate_pem=maker.ca, status="ACTIVE")["certificateId"]
    assert describe(iot, registered)["caCertificateId"] == identifier
    iot("register-certificate", certificate_pem=device, fails="ResourceAlreadyExistsException")
    listed = iot("list-certificates-by-ca", ca_certificate_id=identifier)["certificates"]
    assert [c["certificateId"] for c in listed] == [registered]
    assert identifier in [c["certificateId"] for c in iot("list-ca-certificates")["certificates"]]

    iot("delete-ca-certificate", certificate_id=identifier, fails="CertificateStateException")
    iot("update-ca-certificate", certificate_id=identifier, new_status="INACTIVE")
    iot("delete-ca-certificate", certificate_id=identifier)
    iot("describe-ca-certificate", certificate_id=identifier, fails="ResourceNotFoundException")
    iot("update-ca-certificate", certificate_id=identifier, new_status="ACTIVE", fails="ResourceNotFoundException")
    iot("delete-ca-certificate", certificate_id=identifier, fails="ResourceNotFoundException")
    assert describe(iot, registered)["status"] == "ACTIVE", "what a CA registered outlives it"
    iot("register-certificate", certificate_pem=maker.sign("pump-2"), fails="CertificateValidationException")
    iot("delete-registration-code")
    iot("delete-registration-code", fails="ResourceNotFoundException")
    assert iot("get-registration-code")["registrationCode"] != code


def test_two_cas_of_one_subject(iot, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    makers = []
    for folder in folders:
        folder.mkdir()
        makers.append(Maker(folder, "twin"))
        iot("register-ca-certificate", ca_certificate=makers[-1].ca, certificate_mode="SNI_ONLY", set_as_active=True)
    device = makers[0].sign("pump-3")
    iot("register-certificate", certificate_pem=device, fails="CertificateConflictException")
    iot("register-certificate", certificate_pem=device, ca_certificate_pem=makers[1].ca, fails="CertificateValidationException")
    made = iot("register-certificate", certificate_pem=device, ca_certificate_pem=makers[0].ca)["certificateId"]
    seen = describe(iot, made)
    assert (seen["status"], seen["certificateMode"]) == ("INACTIVE", "SNI_ONLY"), "it has its CA's mode"


def test_certificates_without_a_registered_ca(iot, tmp_path):
    maker = Maker(tmp_path, "strangers")
    pem = maker.sign("pump-4")
    identifier = iot("register-certificate-without-ca", certificate_pem=pem, status="ACTIVE")["certificateId"]
    seen = describe(iot, identifier)
    assert (seen["status"], seen["certificateMode"], seen["ownedBy"]) == ("ACTIVE", "SNI_ONLY", HERE)
    iot("register-certificate-without-ca", certificate_pem=pem, fails="ResourceAlreadyExistsException")
    iot("register-certificate-without-ca", certificate_pem="no pem", fails="CertificateValidationException")
    maker.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=asked", "-keyout", "a.key", "-out", "a.csr")
    asked = iot("create-certificate-from-csr", certificate_signing_request=f"file://{tmp_path}/a.csr", set_as_active=True)
    assert describe(iot, asked["certificateId"])["certificatePem"] == asked["certificatePem"]
    iot("create-certificate-from-csr", certificate_signing_request="no csr", fails="InvalidRequestException")


def test_the_status_of_a_certificate(iot, certificate):
    identifier, _ = certificate(active=True)
    iot("update-certificate", certificate_id=identifier, new_status="PENDING_ACTIVATION", fails="InvalidRequestException")
    iot("update-certificate", certificate_id=identifier, new_status="NOTHING", fails="InvalidRequestException")
    iot("update-certificate", certificate_id=identifier, new_status="REVOKED")
    iot("update-certificate", certificate_id=identifier, new_status="ACTIVE", fails="CertificateStateException")
    iot("update-certificate", certificate_id="0" * 64, new_status="ACTIVE", fails="ResourceNotFoundException")
    iot("delete-certificate", certificate_id=identifier)


def test_a_certificate_that_something_is_attached_to_stays(iot, certificate):
    identifier, arn = certificate(active=True)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}
    iot("create-policy", policy_name="stays", policy_document=document)
    iot("attach-policy", policy_name="stays", target=arn)
    iot("create-thing", thing_name="stays")
    iot("attach-thing-principal", thing_name="stays", principal=arn)
    iot("delete-certificate", certificate_id=identifier, force_delete=True, fails="CertificateStateException")
    iot("update-certificate", certificate_id=identifier, new_status="INACTIVE")
    iot("transfer-certificate", certificate_id=identifier, target_aws_account=THERE, fails="TransferConflictException")
    iot("delete-certificate", certificate_id=identifier, force_delete=True, fails="DeleteConflictException")
    iot("detach-thing-principal", thing_name="stays", principal=arn)
    iot("delete-certificate", certificate_id=identifier, fails="DeleteConflictException")
    iot("delete-certificate", certificate_id=identifier, force_delete=True)
    assert iot("list-targets-for-policy", policy_name="stays")["targets"] == [], "the attachment went with it"


def test_lists_come_in_pages_and_in_both_orders(iot, certificate):
    made = [certificate()[0] for _ in range(4)]
    descending = [c["certificateId"] for c in pages(iot, "list-certificates", "certificates", 3)]
    ascending = [c["certificateId"] for c in pages(iot, "list-certificates", "certificates", 4, ascending_order=True)]
    assert descending == ascending[::-1]
    iot("list-certificates", marker="made up", fails="InvalidRequestException")
    assert [i for i in ascending if i in made] == made


def test_a_transfer(iot, certificate):
    identifier, _ = certificate()
    iot("accept-certificate-transfer", certificate_id=identifier, fails="ResourceNotFoundException")
    moved = iot("transfer-certificate", certificate_id=identifier, target_aws_account=THERE, transfer_message="yours")
    assert moved["transferredCertificateArn"].split(":")[4] == THERE
    (outgoing,) = iot("list-outgoing-certificates")["outgoingCertificates"]
    assert (outgoing["certificateId"], outgoing["transferredTo"], outgoing["transferMessage"]) == (identifier, THERE, "yours")
    assert describe(iot, identifier)["status"] == "PENDING_TRANSFER"
    for operation in ("accept-certificate-transfer", "reject-certificate-transfer"):
        iot(operation, certificate_id=identifier, fails="ResourceNotFoundException")
    iot("update-certificate", certificate_id=identifier, new_status="ACTIVE", fails="CertificateStateException")
    iot("delete-certificate", certificate_id=identifier, fails="CertificateStateException")
    iot("cancel-certificate-transfer", certificate_id=identifier)
    assert describe(iot, identifier)["status"] == "INACTIVE"
    assert iot("list-outgoing-certificates")["outgoingCertificates"] == []

    iot("transfer-certificate", certificate_id=identifier, target_aws_account=HERE)
    iot("reject-certificate-transfer", certificate_id=identifier, reject_reason="not ours")
    assert describe(iot, identifier)["transferData"]["rejectReason"] == "not ours"
    iot("transfer-certificate", certificate_id=identifier, target_aws_account=HERE)
    iot("accept-certificate-transfer", certificate_id=identifier, set_as_active=True)
    seen = describe(iot, identifier)
    assert (seen["status"], seen["previousOwnedBy"]) == ("ACTIVE", HERE)
    iot("cancel-certificate-transfer", certificate_id=identifier, fails="TransferAlreadyCompletedException")
    iot("transfer-certificate", certificate_id=identifier, target_aws_account=THERE, fails="CertificateStateException")


def test_certificate_providers(iot):
    function = f"arn:aws:lambda:us-east-1:{HERE}:function:signer"
    create = {"lambda_function_arn": function, "account_default_for_operations": "CreateCertificateFromCsr"}
    iot("create-certificate-provider", certificate_provider_name="ours",
        lambda_function_arn=f"arn:aws:iam::{HERE}:role/x", account_default_for_operations="CreateCertificateFromCsr",
        fails="InvalidRequestException")
    made = iot("create-certificate-provider", certificate_provider_name="ours", **create)
    iot("create-certificate-provider", certificate_provider_name="ours", **create, fails="ResourceAlreadyExistsException")
    iot("create-certificate-provider", certificate_provider_name="more", **create, fails="LimitExceededException")
    iot("update-certificate-provider", certificate_provider_name="ours", lambda_function_arn=function + "-2")
    seen = iot("describe-certificate-provider", certificate_provider_name="ours")
    assert (seen["lambdaFunctionArn"], seen["certificateProviderArn"]) == (function + "-2", made["certificateProviderArn"])
    assert [p["certificateProviderName"] for p in iot("list-certificate-providers")["certificateProviders"]] == ["ours"]
    iot("delete-certificate-provider", certificate_provider_name="ours")
    iot("describe-certificate-provider", certificate_provider_name="ours", fails="ResourceNotFoundException")


def test_role_aliases(iot):
    role = f"arn:aws:iam::{HERE}:role/devices"
    iot("create-role-alias", role_alias="walk", role_arn=role, credential_duration_seconds=43201, fails="InvalidRequestException")
    iot("create-role-alias", role_alias="no spaces", role_arn=role, fails="InvalidRequestException")
    made = iot("create-role-alias", role_alias="walk", role_arn=role)
    iot("create-role-alias", role_alias="walk", role_arn=role, fails="ResourceAlreadyExistsException")
    iot("update-role-alias", role_alias="walk", credential_duration_seconds=43200)
    seen = iot("describe-role-alias", role_alias="walk")["roleAliasDescription"]
    assert (seen["roleArn"], seen["credentialDurationSeconds"], seen["roleAliasArn"]) == (role, 43200, made["roleAliasArn"])
    iot("create-role-alias", role_alias="walk-2", role_arn=role)
    assert pages(iot, "list-role-aliases", "roleAliases", 1, ascending_order=True) == ["walk", "walk-2"]
    for name in ("walk", "walk-2"):
        iot("delete-role-alias", role_alias=name)
    iot("delete-role-alias", role_alias="walk", fails="ResourceNotFoundException")


def test_a_device_works_with_the_credentials_that_it_gets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("credentials")
    (folder / "template.yaml").write_text(ROLES)
    gateway = Gateway(folder, "--no-functions", template=folder / "template.yaml")
    try:
        made = gateway.aws("iot", "create-keys-and-certificate", "--set-as-active",
                           "--certificate-pem-outfile", folder / "cert.pem", "--private-key-outfile", folder / "key.pem")
        alias = gateway.aws("iot", "describe-role-alias", "--role-alias", "cameras")["roleAliasDescription"]["roleAliasArn"]
        document = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "iot:AssumeRoleWithCertificate", "Resource": alias}]}
        gateway.aws("iot", "create-policy", "--policy-name", "assume", "--policy-document", json.dumps(document))
        gateway.aws("iot", "attach-policy", "--policy-name", "assume", "--target", made["certificateArn"])
        endpoint = gateway.aws("iot", "describe-endpoint", "--endpoint-type", "iot:CredentialProvider")["endpointAddress"]

        context = ssl.create_default_context(cafile=gateway.root_ca)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        connection = http.client.HTTPSConnection(endpoint, context=context, timeout=20)
        connection.request("GET", "/role-aliases/cameras/credentials")
        answer = connection.getresponse()
        body = json.load(answer)
        assert answer.status == 200, body
        given = body["credentials"]
        environment = {**gateway.environment, "AWS_ACCESS_KEY_ID": given["accessKeyId"],
                       "AWS_SECRET_ACCESS_KEY": given["secretAccessKey"], "AWS_SESSION_TOKEN": given["sessionToken"]}
        assert gateway.aws("sts", "get-caller-identity", environment=environment)["Account"] == HERE
        queue = gateway.aws("sqs", "create-queue", "--queue-name", "frames", environment=environment)["QueueUrl"]
        gateway.aws("sqs", "send-message", "--queue-url", queue, "--message-body", "a frame", environment=environment)
        connection.request("GET", "/role-aliases/doors/credentials")
        refused = connection.getresponse()
        assert (refused.status, json.load(refused)["message"]) == (403, "Access Denied")
    finally:
        gateway.stop()
