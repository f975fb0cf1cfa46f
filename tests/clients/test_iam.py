"""The AWS CLI keeps roles, policies and instance profiles in IAM, as scripts that set a fleet up do."""

import json

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}]}
OF_AWS = "arn:aws:iam::aws:policy/AWSIoTLogging"


def iam(gateway, operation, *arguments, fails=None):
    arguments = [json.dumps(argument) if isinstance(argument, dict) else argument for argument in arguments]
    return gateway.aws("iam", operation, *arguments, fails=fails)


def test_a_role_from_creation_to_deletion(gateway):
    name = ("--role-name", "rules")
    made = iam(gateway, "create-role", *name, "--path", "/fleet/", "--assume-role-policy-document", TRUST)["Role"]
    assert made["Arn"] == "arn:aws:iam::123456789012:role/fleet/rules"
    assert made["RoleId"].startswith("AROA") and made["AssumeRolePolicyDocument"] == TRUST
    iam(gateway, "create-role", *name, "--assume-role-policy-document", TRUST, fails="EntityAlreadyExists")
    assert iam(gateway, "get-role", *name)["Role"]["Arn"] == made["Arn"]
    assert "rules" in [role["RoleName"] for role in iam(gateway, "list-roles", "--path-prefix", "/fleet/")["Roles"]]
    iam(gateway, "put-role-policy", *name, "--policy-name", "own", "--policy-document", POLICY)
    assert iam(gateway, "get-role-policy", *name, "--policy-name", "own")["PolicyDocument"] == POLICY
    assert iam(gateway, "list-role-policies", *name)["PolicyNames"] == ["own"]
    iam(gateway, "attach-role-policy", *name, "--policy-arn", OF_AWS)
    attached = iam(gateway, "list-attached-role-policies", *name)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AWSIoTLogging", "PolicyArn": OF_AWS}]
    iam(gateway, "delete-role", *name, fails="DeleteConflict")
    iam(gateway, "detach-role-policy", *name, "--policy-arn", OF_AWS)
    iam(gateway, "delete-role-policy", *name, "--policy-name", "own")
    iam(gateway, "delete-role", *name)
    iam(gateway, "get-role", *name, fails="NoSuchEntity")


def test_a_managed_policy_and_its_versions(gateway):
    made = iam(gateway, "create-policy", "--policy-name", "publish", "--policy-document", POLICY)["Policy"]
    arn = ("--policy-arn", made["Arn"])
    assert made["DefaultVersionId"] == "v1"
    iam(gateway, "create-policy", "--policy-name", "publish", "--policy-document", POLICY, fails="EntityAlreadyExists")
    iam(gateway, "create-policy", "--policy-name", "other", "--policy-document", "{", fails="MalformedPolicyDocument")
    iam(gateway, "create-policy-version", *arn, "--policy-document", POLICY, "--set-as-default")
    assert iam(gateway, "get-policy", *arn)["Policy"]["DefaultVersionId"] == "v2"
    assert iam(gateway, "get-policy-version", *arn, "--version-id", "v1")["PolicyVersion"]["Document"] == POLICY
    versions = iam(gateway, "list-policy-versions", *arn)["Versions"]
    assert sorted(version["VersionId"] for version in versions) == ["v1", "v2"]
    iam(gateway, "delete-policy", *arn, fails="DeleteConflict")
    iam(gateway, "delete-policy-version", *arn, "--version-id", "v1")
    assert made["Arn"] in [policy["Arn"] for policy in iam(gateway, "list-policies", "--scope", "Local")["Policies"]]
    iam(gateway, "delete-policy", *arn)
    iam(gateway, "get-policy", *arn, fails="NoSuchEntity")


def test_an_instance_profile(gateway):
    iam(gateway, "create-role", "--role-name", "host", "--assume-role-policy-document", TRUST)
    name = ("--instance-profile-name", "hosts")
    iam(gateway, "create-instance-profile", *name)
    iam(gateway, "add-role-to-instance-profile", *name, "--role-name", "host")
    profile = iam(gateway, "get-instance-profile", *name)["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["host"]
    iam(gateway, "delete-role", "--role-name", "host", fails="DeleteConflict")
    iam(gateway, "remove-role-from-instance-profile", *name, "--role-name", "host")
    iam(gateway, "delete-instance-profile", *name)
    iam(gateway, "delete-role", "--role-name", "host")


def test_what_is_not_there_says_so_in_its_own_form(gateway):
    iam(gateway, "create-user", "--user-name", "u", fails="`CreateUser` is not implemented")
    text = gateway.aws("cloudformation", "list-stacks", fails="`cloudformation` is not a service of this gateway")
    assert "iam" in text and "secretsmanager" in text, text
    gateway.aws("kinesis", "list-streams", fails="`kinesis` is not a service of this gateway")
