"""The package of Function Compute, and what deploys it: all of it names the same things."""

import ast
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from handlers.aliyun_fc.index import FORWARDED, IN_SOME_REGIONS, PASSED_OVER
from handlers.aliyun_fc.settings import VARIABLES
from sync_core.errors import ConfigError
from sync_core.launch.packages_aliyun_fc import build_aliyun_fc_package, main
from sync_core.launch.packages_sources import ROOT

FOLDER = ROOT / "handlers" / "aliyun_fc"
SOURCES = sorted(FOLDER.glob("*.py"))
ENGLISH, CHINESE = (
    (FOLDER / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
)
GUIDES = pytest.mark.parametrize("guide", [ENGLISH, CHINESE], ids=["English", "Chinese"])
FENCE = re.compile(r"^```\w*\n.*?^```$", re.MULTILINE | re.DOTALL)

S_FILE = yaml.safe_load((FOLDER / "s.yaml").read_text(encoding="utf-8"))
FUNCTION = S_FILE["resources"]["forwarder"]["props"]
RESOURCES = yaml.safe_load((FOLDER / "ros.yaml").read_text(encoding="utf-8"))["Resources"]
TRIGGER_CONFIGS = [
    FUNCTION["triggers"][0]["triggerConfig"],
    RESOURCES["Trigger"]["Properties"]["TriggerConfig"],
]
MOST_PACKAGE_BYTES = 20_000
UPLOAD = "fc:GetTempBucketToken"


def policy(name: str) -> Any:
    return json.loads((FOLDER / "ram-policies" / f"{name}.json").read_text(encoding="utf-8"))


def imported_by(path: Path) -> set[str]:
    """Return the modules that a file imports, by their first names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module.startswith("handlers.")
            found.add(node.module if whole else node.module.split(".")[0])
    return found


class TestPackage:
    def test_its_bytes_depend_on_the_sources_alone(self, tmp_path: Path) -> None:
        package = build_aliyun_fc_package(tmp_path / "one")
        copy = tmp_path / "another checkout"
        shutil.copytree(ROOT / "handlers", copy / "handlers")
        for path in copy.rglob("*.py"):
            path.chmod(0o700)
        again = build_aliyun_fc_package(tmp_path / "two", copy)
        assert again.read_bytes() == package.read_bytes()

    def test_it_is_small_and_has_its_entry_at_the_top(self, tmp_path: Path) -> None:
        package = build_aliyun_fc_package(tmp_path)
        assert package.stat().st_size < MOST_PACKAGE_BYTES
        with zipfile.ZipFile(package) as opened:
            names = set(opened.namelist())
        others = {path.name for path in SOURCES} - {"index.py"}
        beside = {f"handlers/aliyun_fc/{name}" for name in others}
        assert names == {"index.py", "handlers/__init__.py"} | beside

    def test_the_script_tells_where_it_is(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--out", str(tmp_path)]) == 0
        told = capsys.readouterr().out
        assert told.startswith(f"{tmp_path}/dualway-aliyun-fc.zip\n")
        assert "sha256" in told

    def test_without_its_sources_the_advice_is_a_checkout(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"aliyun_fc.*in a checkout"):
            build_aliyun_fc_package(tmp_path, tmp_path)

    @pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
    def test_python_3_9_reads_it_and_has_all_that_it_imports(self, path: Path) -> None:
        ast.parse(path.read_bytes(), feature_version=(3, 9))
        own = {f"handlers.aliyun_fc.{source.stem}" for source in SOURCES}
        assert imported_by(path) <= sys.stdlib_module_names | own


class TestDeployment:
    @pytest.mark.parametrize("config", TRIGGER_CONFIGS, ids=["s.yaml", "ros.yaml"])
    def test_the_trigger_has_the_events_that_are_forwarded_and_no_others(
        self, config: dict[str, Any]
    ) -> None:
        assert sorted(config["events"]) == sorted(f"oss:{name}" for name in FORWARDED)
        assert set(config["filter"]["key"]) == {"prefix", "suffix"}

    def test_no_event_is_both_forwarded_and_passed_over(self) -> None:
        assert (FORWARDED | IN_SOME_REGIONS).isdisjoint(PASSED_OVER)

    def test_both_ways_deploy_the_same_function(self) -> None:
        properties = dict(RESOURCES["Forwarder"]["Properties"])
        retries = RESOURCES["Retries"]["Properties"]
        for name in ("Runtime", "Handler", "Cpu", "MemorySize", "DiskSize", "Timeout"):
            assert properties[name] == FUNCTION[name[0].lower() + name[1:]]
        assert set(properties["EnvironmentVariables"]) == set(FUNCTION["environmentVariables"])
        for name in ("MaxAsyncRetryAttempts", "MaxAsyncEventAgeInSeconds"):
            assert retries[name] == FUNCTION["asyncInvokeConfig"][name[0].lower() + name[1:]]
        assert retries["DestinationConfig"]["OnFailure"]
        assert FUNCTION["asyncInvokeConfig"]["destinationConfig"]["onFailure"]

    def test_its_environment_is_what_the_function_reads(self) -> None:
        assert set(FUNCTION["environmentVariables"]) <= set(VARIABLES)

    def test_the_handler_is_in_the_package_that_is_deployed(self, tmp_path: Path) -> None:
        package = build_aliyun_fc_package(tmp_path / "dist")
        assert (FOLDER / FUNCTION["code"]).resolve() == ROOT / "dist" / package.name
        module, _, name = FUNCTION["handler"].partition(".")
        with zipfile.ZipFile(package) as opened:
            assert f"\n{name} = ".encode() in opened.read(f"{module}.py")

    def test_every_variable_of_s_yaml_is_given_and_used(self) -> None:
        used = re.findall(r"\$\{vars\.(\w+)\}", (FOLDER / "s.yaml").read_text(encoding="utf-8"))
        assert set(used) == set(S_FILE["vars"])

    def test_the_template_refers_to_what_it_has_and_uses_every_parameter(self) -> None:
        template = yaml.safe_load((FOLDER / "ros.yaml").read_text(encoding="utf-8"))
        text = json.dumps(template)
        referred = set(re.findall(r'"Ref": "(\w+)"', text)) | set(re.findall(r"\$\{(\w+)\}", text))
        asked = set(re.findall(r'"Fn::GetAtt": \["(\w+)"', text))
        assert referred == set(template["Parameters"])
        assert asked <= set(template["Resources"])


class TestPermissions:
    def test_the_key_may_send_to_one_queue_and_nothing_else(self) -> None:
        (statement,) = json.loads((FOLDER / "aws-iam" / "sqs-send.json").read_text())["Statement"]
        assert statement == {
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": "QUEUE_ARN",
        }

    @pytest.mark.parametrize(
        ("role", "name"), [("FunctionRole", "function-role"), ("TriggerRole", "trigger-role")]
    )
    def test_ros_gives_each_role_what_the_policy_for_the_others_gives(
        self, role: str, name: str
    ) -> None:
        properties = RESOURCES[role]["Properties"]
        (given,) = properties["Policies"]
        text = json.dumps(given["PolicyDocument"])
        for parameter, value in {
            "ALIYUN::Region": "REGION",
            "ALIYUN::TenantId": "ACCOUNT",
            "SecretName": "oss-event-forwarder",
            "FunctionName": "oss-event-forwarder",
            "LogProject": "LOG_PROJECT",
            "LogStore": "LOG_STORE",
        }.items():
            text = text.replace(f"${{{parameter}}}", value)
        assert json.loads(re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", text)) == policy(name)
        assert properties["AssumeRolePolicyDocument"] == policy(f"{name}-trust")

    @pytest.mark.parametrize("name", ["function-role", "trigger-role", "deployer"])
    def test_no_policy_allows_every_action_or_every_resource(self, name: str) -> None:
        for statement in policy(name)["Statement"]:
            assert not any("*" in action for action in statement["Action"])
            # It knows no resources: whoever uploads gets a place of the account's own.
            if statement["Action"] != [UPLOAD]:
                assert "*" not in statement["Resource"]

    def test_whoever_deploys_may_upload_the_package(self) -> None:
        allowed = {
            action
            for statement in policy("deployer")["Statement"]
            for action in statement["Action"]
        }
        assert UPLOAD in allowed


class TestGuide:
    @GUIDES
    def test_it_names_every_variable_event_role_and_file(self, guide: str) -> None:
        for name in (
            *VARIABLES,
            *(f"oss:{event}" for event in FORWARDED | IN_SOME_REGIONS | PASSED_OVER),
        ):
            assert f"| `{name}` |" in guide
        for path in re.findall(r"\]\(([^)#:]+)\)", guide):
            assert (FOLDER / path).exists(), path
        for part in (FUNCTION["role"], FUNCTION["triggers"][0]["invocationRole"]):
            assert f"`{part.partition('role/')[2]}`" in guide
        assert S_FILE["vars"]["failureQueue"] in guide

    def test_both_languages_have_the_same_commands_and_as_many_sections(self) -> None:
        assert FENCE.findall(ENGLISH) == FENCE.findall(CHINESE)
        levels = [
            re.findall(r"^#+", FENCE.sub("", guide), re.MULTILINE) for guide in (ENGLISH, CHINESE)
        ]
        assert levels[0] == levels[1]
        rows = [len(re.findall(r"^\|", guide, re.MULTILINE)) for guide in (ENGLISH, CHINESE)]
        assert rows[0] == rows[1]
