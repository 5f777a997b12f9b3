"""The launch configuration: what it says, and exactly what is wrong with it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_core.errors import ConfigError
from sync_core.launch.settings import SET_BY_LAUNCH, parse_settings, read_settings
from sync_core.launch.site_parameters import template_parameters
from sync_core.launch.template import parameter_names, read_template
from tests.cfn.test_site_parameters import broken, value_is_allowed

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


WITH_OSS = """
stack = "pair"
[a]
profile = 'acme'
bucket = "acme-data-global"
[oss]
store = "oss"
region = "cn-hangzhou"
bucket = "acme-data-oss"
endpoint_url = "https://data.example.com"
user_ids = ["26256139269358314", "26256139269358315"]
"""

FROM_OSS = f"{WITH_OSS}[oss.parameters]\nDirection = 'ToPeer'\n"


def given(text: str) -> list[dict[str, str]]:
    """Return the parameters of both sites' stacks."""
    settings = parse_settings(text, NAMES)
    return [template_parameters(settings, site, "x", {}) for site in settings.sites]


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
    settings = parse_settings(PAIR, NAMES)
    packages = {"LambdaPackage": "dualway/x.zip"}
    given = template_parameters(settings, settings.sites[0], "us-west-2", packages)
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
    cn, other = given(text)
    assert cn["PeerEndpoint"] == "http://127.0.0.1:4566"
    assert "PeerEndpoint" not in other
    text += '[cn.parameters]\nPeerEndpoint = "https://own.example"\n'
    assert given(text)[0]["PeerEndpoint"] == "https://own.example"


class TestAnotherStore:
    def test_both_stacks_know_the_store_its_secret_and_the_users_whose_writes_are_echoes(
        self,
    ) -> None:
        settings = parse_settings(WITH_OSS, NAMES)
        in_s3, in_oss = settings.sites
        assert [settings.stack_of(site) for site in settings.sites] == ["pair-a", "pair-oss"]
        assert all(settings.has_stack(site) for site in settings.sites)
        assert template_parameters(settings, in_s3, "cn-hangzhou", {}) == {
            "SiteName": "a",
            "BucketName": "acme-data-global",
            "Prefix": "",
            "PeerSiteName": "oss",
            "PeerStoreType": "oss",
            "PeerBucketName": "acme-data-oss",
            "PeerPrefix": "",
            "PeerRegion": "cn-hangzhou",
            "PeerEndpoint": "https://data.example.com",
            "PeerCredentialsSecret": "pair-oss",
        }
        assert template_parameters(settings, in_oss, "us-west-2", {}) == {
            "SiteName": "oss",
            "BucketName": "acme-data-oss",
            "Prefix": "",
            "StoreType": "oss",
            "StoreRegion": "cn-hangzhou",
            "StoreEndpoint": "https://data.example.com",
            "StoreCredentialsSecret": "pair-oss",
            "StoreUserIds": "26256139269358314,26256139269358315",
            "PeerSiteName": "a",
            "PeerBucketName": "acme-data-global",
            "PeerPrefix": "",
            "PeerRegion": "us-west-2",
        }

    def test_a_feed_has_one_stack_which_is_named_after_the_store(self) -> None:
        feed = f"{FROM_OSS}Exclude = '*.tmp'\n"
        settings = parse_settings(feed, NAMES)
        in_s3, in_oss = settings.sites
        assert (settings.has_stack(in_s3), settings.has_stack(in_oss)) == (False, True)
        assert settings.stack_of(in_oss) == "pair-oss"
        assert (settings.needs_user(in_s3), settings.user_of(in_s3)) == (True, "pair-oss-a")
        settings = parse_settings(f"{feed}PeerCredentialsSecret = 'theirs'\n", NAMES)
        assert not settings.needs_user(settings.sites[0])

    def test_the_user_of_a_feed_keeps_its_name_when_the_pair_goes_both_ways(self) -> None:
        settings = parse_settings(WITH_OSS, NAMES)
        assert settings.user_of(settings.sites[0]) == "pair-oss-a"
        assert not settings.needs_user(settings.sites[0])

    def test_one_way_both_buckets_may_have_the_same_name(self) -> None:
        same = FROM_OSS.replace("acme-data-oss", "acme-data-global")
        assert {site.bucket for site in parse_settings(same, NAMES).sites} == {"acme-data-global"}

    def test_netstorage_is_only_fed(self) -> None:
        published = "[akamai]\nstore = 'netstorage'\nbucket = '123456'\n"
        settings = parse_settings(f"{PAIR.partition('[global]')[0]}{published}", NAMES)
        in_s3, there = settings.sites
        assert (settings.has_stack(in_s3), settings.has_stack(there)) == (True, False)
        assert settings.stack_of(in_s3) == settings.secret_of(there) == "dualway-akamai"
        given = template_parameters(settings, in_s3, "any", {})
        assert (given["Direction"], given["PeerStoreType"]) == ("ToPeer", "netstorage")
        backwards = f"{PAIR.partition('[global]')[0]}{published}[akamai.parameters]\n"
        assert "only fed" in refusal(f"{backwards}Direction = 'ToPeer'\n").cause

    def test_what_both_stacks_are_given_is_what_the_template_takes(self) -> None:
        for each in given(WITH_OSS):
            values = {**each, "ArtifactBucket": "packages", "LambdaPackage": "x.zip"}
            assert broken(values) == set()
            assert [name for name in values if not value_is_allowed(name, values[name])] == []

    @pytest.mark.parametrize(
        ("old", "new", "key", "cause"),
        [
            ('"oss"\n', '"os"\n', "[oss] store", "mean oss?"),
            ('region = "cn-hangzhou"\n', "", "[oss] region", "is missing"),
            ("user_ids", "usr_ids", "[oss] usr_ids", "mean user_ids?"),
            ("user_ids = [", "prefix = ''\n# ", "[oss] user_ids", "is missing"),
            ('store = "oss"', 'store = "oss"\nprofile = "x"', "[oss] profile", "is unknown"),
            ('store = "oss"', "", "[oss] user_ids", "is unknown"),
            ("[a]\n", '[a]\nstore = "kodo"\nregion = "z0"\n', "[a] profile", "is unknown"),
            (
                "[a]\nprofile = 'acme'\n",
                '[a]\nstore = "kodo"\nregion = "z0"\n',
                "store",
                "one of them has to be in AWS",
            ),
            (
                "[oss]\n",
                "[a.parameters]\nPeerCredentialsSecret = 'x'\n[oss]\n",
                "PeerCredentialsSecret",
                "made by the launch",
            ),
            (
                "[oss]\n",
                "[a.parameters]\nPeerEndpoint = 'https://x'\n[oss]\n",
                "PeerEndpoint",
                "`endpoint_url` in [oss]",
            ),
            (
                "[oss]\n",
                "[a.parameters]\nDirection = 'ToPeer'\n[oss.parameters]\nMaxDeletes = 1\n[oss]\n",
                "[oss.parameters]",
                "has no stack",
            ),
            ("acme-data-oss", "acme-data-global", "[oss] bucket", "two buckets"),
            ("https://data", "data", "[oss] endpoint_url", "https://HOST"),
            (
                "https://data.example.com",
                "https://data.example.com/x",
                "[oss] endpoint_url",
                "HOST",
            ),
            ("cn-hangzhou", "cn hangzhou", "[oss] region", "such as cn-hangzhou"),
            (
                "[oss]\n",
                "[parameters]\nDirection = 'ToPeer'\n[oss]\n",
                "Direction",
                "give it to one site",
            ),
        ],
    )
    def test_what_is_wrong_is_named(self, old: str, new: str, key: str, cause: str) -> None:
        assert old in WITH_OSS
        refused = refusal(WITH_OSS.replace(old, new))
        assert refused.key == key
        assert cause in refused.cause

    @pytest.mark.parametrize(
        ("more", "key", "cause"),
        [
            ("bucket = 'media'", "[there] bucket", "the number of the CP code"),
            ("bucket = '123456'\nprefix = 'media'", "[there] prefix", "such as media/"),
            ("bucket = '123456'\nprefix = '/media/'", "[there] prefix", "such as media/"),
            ("bucket = '123456'\nendpoint_url = 'x'", "[there] endpoint_url", "https://HOST"),
            (
                "bucket = '123456'\n[a.parameters]\nDirection = 'TwoWay'",
                "Direction",
                "is only fed",
            ),
            (
                "bucket = '123456'\n[there.parameters]\nMaxDeletes = 1",
                "[there.parameters]",
                "has no stack",
            ),
        ],
    )
    def test_what_netstorage_cannot_be_is_named(self, more: str, key: str, cause: str) -> None:
        refused = refusal(f"[a]\nbucket = 'x'\n[there]\nstore = 'netstorage'\n{more}\n")
        assert refused.key == key
        assert cause in refused.cause

    def test_a_secret_that_only_the_feeding_side_can_have_may_stand_for_both(self) -> None:
        theirs = "[parameters]\nPeerCredentialsSecret = 'theirs'\n"
        settings = parse_settings(f"{FROM_OSS}{theirs}", NAMES)
        assert not settings.needs_user(settings.sites[0])
        assert "[oss.parameters]" in refusal(f"{WITH_OSS}{theirs}").cause

    def test_a_store_with_regions_but_one_endpoint_is_given_its_region(self) -> None:
        text = "[a]\nbucket = 'x'\n[b]\nstore = 'gcs'\nbucket = 'y'\nuser_ids = ['u']\n"
        assert refusal(text).key == "[b] region"
        _, in_gcs = given(f"{text}region = 'auto'\n")
        assert broken(in_gcs) == set()

    def test_a_store_without_endpoints_of_its_own_is_given_one(self) -> None:
        text = "[a]\nbucket = 'x'\n[b]\nstore = 'minio'\nbucket = 'y'\nuser_ids = ['u']\n"
        assert refusal(text).key == "[b] endpoint_url"
        parse_settings(f"{text}endpoint_url = 'https://minio.example.com'\n", NAMES)


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
        (f"{PAIR}[cn.parameters]\nStoreType = 'oss'", "[cn.parameters] StoreType", "take it"),
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
