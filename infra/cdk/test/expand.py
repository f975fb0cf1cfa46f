"""Prints what a SAM template means: CloudFormation, as JSON, by the SAM transform itself, which needs neither network nor account.

`expand.py TEMPLATE` with the Python that `.ci/tools` installs.
"""

import json
import os
import sys

# The transform asks boto3 for the region alone: for the partition.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


def expanded(text: str) -> dict:
    template = yaml_parse(text)
    # Without the parameters the transform leaves each `Ref` to one as it is, and does not put the default in its place.
    parameters = template.pop("Parameters", {})
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            # It takes packages alone. The folder is kept as the key.
            properties["CodeUri"] = {"Bucket": "sam", "Key": properties["CodeUri"]}
    result = transform(template, {}, ManagedPolicyLoader(None), passthrough_metadata=True)
    result["Parameters"] = parameters
    return result


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        json.dump(expanded(file.read()), sys.stdout, indent=1, default=str)
