"""The launch configuration: what it says, and exactly what is wrong with it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_core.errors import ConfigError
from sync_core.launch.settings import (
    SET_BY_LAUNCH,
    parse_settings,
    read_settings,
    template_parameters,
)
from sync_core.launch.template import parameter_names, read_template

NAMES = parameter_names(read_template())
PAIR = """
[cn]
profile = "acme-cn"
region = "cn-north-1"
bucket = "acme-data-cn"
prefix = "shared/"
[global]
profile = "acme-global"
bucket = "acme-data-global"
"""


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        parse_settings(text, NAMES)
    return refused.value


class TemplateLoader(yaml.SafeLoader):
    """Reads the template without caring for its short forms."""


def ignore(_loader: yaml.SafeLoader, _suffix: str, _node: yaml.Node) -> Any:
    return None


TemplateLoader.add_multi_constructor("!", ignore)


def test_the_names_of_the_templates_parameters_are_those_that_cloudformation_reads() -> None:
    document = yaml.load(read_template(), TemplateLoader)
    assert set(document["Parameters"]) == NAMES
    assert set(SET_BY_LAUNCH) <= NAMES


def test_both_sites_are_read_with_what_they_have() -> None:
    settings = parse_settings(PAIR, NAMES)
    cn, other = settings.sites
    assert (cn.name, cn.profile, cn.region, cn.bucket) == (
        "cn",
        "acme-cn",
        "cn-north-1",
        "acme-data-cn",
    )
    assert (cn.prefix, other.prefix, other.region) == ("shared/", "", None)
    assert settings.stack == "dualway"
    assert settings.peer_of(cn) is other
    assert settings.peer_of(other) is cn


def test_a_sites_own_parameter_outdoes_the_common_one_and_values_become_texts() -> None:
    text = f"""stack = "pair-2"
    {PAIR}
    [parameters]
    MaxDeletes = 7
    RequesterPays = true
    SubnetIds = ["subnet-1", "subnet-2"]
    [cn.parameters]
    MaxDeletes = 8
    """
    settings = parse_settings(text, NAMES)
    cn, other = settings.sites
    assert settings.stack == "pair-2"
    assert cn.parameters == {
        "MaxDeletes": "8",
        "RequesterPays": "true",
        "SubnetIds": "subnet-1,subnet-2",
    }
    assert other.parameters["MaxDeletes"] == "7"


def test_the_template_is_given_both_sides_and_the_packages() -> None:
    cn, other = parse_settings(PAIR, NAMES).sites
    given = template_parameters(cn, other, "us-west-2", {"LambdaPackage": "dualway/x.zip"})
    assert given == {
        "SiteName": "cn",
        "BucketName": "acme-data-cn",
        "Prefix": "shared/",
        "PeerSiteName": "global",
        "PeerBucketName": "acme-data-global",
        "PeerPrefix": "",
        "PeerRegion": "us-west-2",
        "LambdaPackage": "dualway/x.zip",
    }


def test_an_endpoint_of_the_peer_is_given_unless_the_file_names_another() -> None:
    text = PAIR + 'endpoint_url = "http://127.0.0.1:4566"\n'
    cn, other = parse_settings(text, NAMES).sites
    assert template_parameters(cn, other, "x", {})["PeerEndpoint"] == "http://127.0.0.1:4566"
    assert "PeerEndpoint" not in template_parameters(other, cn, "x", {})
    text += '[cn.parameters]\nPeerEndpoint = "https://own.example"\n'
    cn, other = parse_settings(text, NAMES).sites
    assert template_parameters(cn, other, "x", {})["PeerEndpoint"] == "https://own.example"


@pytest.mark.parametrize(
    ("text", "key", "cause"),
    [
        (f"{PAIR}[parameters]\nMaxDeletez = 1", "[parameters] MaxDeletez", "mean MaxDeletes?"),
        (f"{PAIR}[cn.parameters]\nX = 1", "[cn.parameters] X", "is unknown"),
        (f"{PAIR}[parameters]\nSiteName = 'a'", "[parameters] SiteName", "take it out here"),
        (f"{PAIR}[parameters]\nMaxDeletes = 1.5", "[parameters] MaxDeletes", "in quotes"),
        (f"{PAIR}buckett = 'x'", "[global] buckett", "mean bucket?"),
        (f"{PAIR}access_key_id = 'x'", "[global] access_key_id", "is unknown"),
        (f"{PAIR}[third]\nbucket = 'x'", "the file", "[cn], [global], [third]"),
        ("[a]\nbucket = 'x'", "the file", "exactly two tables"),
        ("", "the file", "none"),
        ("[a]\nbucket = 'x'\n[b]", "[b] bucket", "is missing"),
        ("[a]\nbucket = 'x'\n[b]\nbucket = 'x'", "[b] bucket", "name two buckets"),
        (f"{PAIR}[cn.parameters]\nExclude = '*.tmp'", "Exclude", "the same on both sides"),
        (f"{PAIR}[cn.parameters]\nObjectLock = true", "ObjectLock", "the same on both sides"),
        (f"{PAIR}[parameters]\nDirection = 'ToPeer'", "Direction", "launched by hand"),
        (f"{PAIR}[cn.parameters]\nStoreType = 'oss'", "StoreType", "launched by hand"),
        (f"{PAIR}[cn.parameters]\nPeerStoreType = 'cos'", "PeerStoreType", "launched by hand"),
        ("[A]\nbucket = 'x'\n[b]\nbucket = 'y'", "[A]", "small letter"),
        ("[a]\nbucket = 1", "[a] bucket", "in quotes"),
        (f"stakc = 'x'\n{PAIR}", "stakc", "mean stack?"),
        (f"stack = '1x'\n{PAIR}", "stack", "begin with a letter"),
        ("[a", "TOML", "mend the file"),
    ],
)
def test_what_is_wrong_is_named_with_advice(text: str, key: str, cause: str) -> None:
    refused = refusal(text)
    assert refused.key == key
    assert cause in refused.cause


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read_settings(tmp_path / "none.toml", NAMES)
    assert "--config" in refused.value.cause
    assert refused.value.key.endswith("none.toml")
