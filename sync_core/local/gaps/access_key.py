"""CloudFormation creates key pairs of IAM users.

AWS: `AWS::IAM::AccessKey` takes UserName and Status; `Ref` returns the access key id and `GetAtt`
SecretAccessKey the secret
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-accesskey.html).
Emulator: a template with this type is rejected as a whole.
"""

from collections.abc import Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("AWS::IAM::AccessKey in CloudFormation")


def install() -> None:
    """Add the resource type."""
    handlers = _SEAM.take("services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
    create_access_key = _SEAM.take("services.iam", "_create_access_key")
    keys = _SEAM.take("services.iam", "_access_keys")

    def create(_logical_id: str, properties: Mapping[str, Any], _stack: str) -> tuple[str, Any]:
        before = set(keys)
        status, _headers, body = create_access_key({"UserName": [properties["UserName"]]})
        if status >= 400:  # noqa: PLR2004 - the first HTTP status that is an error
            raise ValueError(body)
        (key_id,) = set(keys) - before
        keys[key_id]["Status"] = properties.get("Status", "Active")
        return key_id, {"SecretAccessKey": keys[key_id]["SecretAccessKey"]}

    def delete(physical_id: str, _properties: Mapping[str, Any]) -> None:
        keys.pop(physical_id, None)

    handlers["AWS::IAM::AccessKey"] = {"create": create, "delete": delete}
