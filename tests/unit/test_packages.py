"""What is in the packages of a launch, and that their bytes depend on nothing else."""

import ast
import os
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_core.errors import ConfigError
from sync_core.launch import packages_sources as sources
from sync_core.launch.packages import (
    build_source_package,
    require_fitting,
    unzipped_bytes,
    write_package,
)
from sync_core.launch.packages_command import describe, main
from sync_core.launch.packages_contents import (
    FLEET_SERVICES,
    LAMBDA_SERVICES,
    place_in_package,
)
from sync_core.launch.packages_lock import pinned_requirements
from sync_core.launch.packages_wheels import Target, fetch_wheels

LOCK = """\
apple==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via dualway (pyproject.toml)
banana-split==2.0 ; platform_python_implementation != 'PyPy' \\
    --hash=sha256:ba
    # via
    #   apple
    #   zebra
banana-split==1.9 ; sys_platform == 'win32' \\
    --hash=sha256:bb
    # via apple
colours==3.0 ; sys_platform == 'win32' \\
    --hash=sha256:ca
    # via banana-split
zebra==4.0 \\
    --hash=sha256:da
    # via dualway (pyproject.toml:dev)
"""
EXPECTED = """\
apple==1.0 --hash=sha256:aa --hash=sha256:ab
banana-split==2.0 --hash=sha256:ba
"""


class TestWhatTheLockGives:
    def test_a_package_gets_what_it_names_and_what_that_needs_and_no_more(self) -> None:
        assert pinned_requirements(LOCK, ["apple>=0.9"]) == EXPECTED

    def test_of_several_entries_of_a_name_linux_gets_its_own(self) -> None:
        text = pinned_requirements(LOCK, ["banana-split"])
        assert text == "banana-split==2.0 --hash=sha256:ba\n"

    def test_names_are_compared_as_indexes_do_and_extras_are_in_the_lock_already(self) -> None:
        assert pinned_requirements(LOCK, ["Banana_Split[cream]~=2.0"]).startswith("banana-split==2")

    def test_a_dependency_that_is_not_locked_says_what_to_run(self) -> None:
        with pytest.raises(ConfigError, match=r"mango.*scripts/lock"):
            pinned_requirements(LOCK, ["apple", "mango"])

    def test_a_marker_that_nobody_has_thought_of_is_not_guessed(self) -> None:
        lock = LOCK.replace("3.0 ; sys_platform == 'win32'", "3.0 ; python_full_version < '3.12'")
        with pytest.raises(ConfigError, match=r"colours.*python_full_version < '3.12'"):
            pinned_requirements(lock, ["apple"])

    def test_functions_get_their_libraries_without_a_terminals_and_developers(self) -> None:
        text = pinned_requirements(sources.read_lock(), sources.function_dependencies())
        names = {line.partition("==")[0] for line in text.splitlines()}
        assert {"boto3", "botocore", "pynamodb", "aws-xray-sdk", "wrapt", "cachetools"} <= names
        assert names & {"typer", "rich", "pydantic", "pytest", "moto", "ministack"} == set()
        assert all(" --hash=sha256:" in line for line in text.splitlines())

    def test_instances_get_those_of_the_terminal_too(self) -> None:
        text = pinned_requirements(sources.read_lock(), sources.dependencies())
        names = {line.partition("==")[0] for line in text.splitlines()}
        assert {"typer", "rich", "boto3", "shellingham"} <= names
        assert names & {"pytest", "moto", "ministack", "colorama"} == set()

    def test_an_installed_dualway_has_its_lock_beside_the_template(self, tmp_path: Path) -> None:
        (tmp_path / "cfn").mkdir()
        (tmp_path / "cfn" / "requirements.lock").write_text(LOCK)
        assert sources.read_lock(tmp_path) == LOCK

    def test_where_the_lock_is_missing_the_advice_is_a_checkout(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"requirements\.lock.*in a checkout"):
            sources.read_lock(tmp_path)
        with pytest.raises(ConfigError, match=r"fleet.*in a checkout"):
            sources.instance_files(tmp_path)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("six.py", "six.py"),
        ("botocore/cacert.pem", "botocore/cacert.pem"),
        ("wrapt/_wrappers.cpython-313-aarch64-linux-gnu.so",) * 2,
        ("wrapt/_wrappers.c", None),
        ("botocore/__init__.pyi", None),
        ("dateutil/test/test_tz.py", None),
        ("pkg/tests/__init__.py", None),
        ("boto3/examples/s3.rst", None),
        ("botocore/data/endpoints.json", "botocore/data/endpoints.json"),
        ("botocore/data/s3/2006-03-01/service-2.json.gz",) * 2,
        ("botocore/data/s3/2006-03-01/examples-1.json", None),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", None),
        ("boto3/data/ec2/2016-11-15/resources-1.json", None),
        ("other/data/ec2/x/y.json", "other/data/ec2/x/y.json"),
        ("jmespath-1.1.0.data/scripts/jp.py", None),
        ("fast-1.0.data/platlib/fast/core.so", "fast/core.so"),
        ("fast-1.0.data/purelib/fast/tests/a.py", None),
        ("six-1.17.0.dist-info/METADATA", "six-1.17.0.dist-info/METADATA"),
        ("six-1.17.0.dist-info/LICENSE", "six-1.17.0.dist-info/LICENSE"),
        (
            "a-1.dist-info/licenses/vendored/COPYING.md",
            "a-1.dist-info/licenses/vendored/COPYING.md",
        ),
        ("six-1.17.0.dist-info/RECORD", None),
        ("six-1.17.0.dist-info/entry_points.txt", None),
    ],
)
def test_of_a_wheel_stays_what_runs_or_says_what_it_is(name: str, place: str | None) -> None:
    assert place_in_package(name, frozenset({"s3"})) == place


class TestOurOwnSources:
    def test_functions_get_the_handlers_and_what_these_run(self) -> None:
        names = set(sources.function_sources())
        handlers = {f"handlers/{path.name}" for path in (sources.ROOT / "handlers").glob("*.py")}
        assert handlers <= names
        assert {"sync_core/bootstrap.py", "sync_core/storage/s3.py"} <= names
        launch = {name for name in names if name.startswith("sync_core/launch/")}
        assert "sync_core/launch/custom_resource.py" in launch
        assert launch & {"sync_core/launch/launcher.py", "sync_core/launch/packages.py"} == set()

    def test_functions_get_nothing_that_is_for_people_only(self) -> None:
        folders = {name.split("/")[1] for name in sources.function_sources()}
        assert folders & {"cli", "local", "console"} == set()

    def test_a_module_of_the_launch_comes_with_those_it_imports(self, tmp_path: Path) -> None:
        for name, text in {
            "handlers/one.py": "from sync_core.launch import near",
            "sync_core/__init__.py": "",
            "sync_core/launch/__init__.py": "",
            "sync_core/launch/near.py": "def run():\n    import sync_core.launch.far",
            "sync_core/launch/far.py": "import json",
            "sync_core/launch/other.py": "",
        }.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        names = {name.rpartition("/")[2] for name in sources.function_sources(tmp_path)}
        assert names == {"one.py", "__init__.py", "near.py", "far.py"}

    def test_the_command_line_gets_everything_and_its_version(self) -> None:
        files = sources.command_sources()
        assert {"sync_core/cli/worker.py", "sync_core/local/gaps/seam.py"} <= set(files)
        assert any(name.endswith(".dist-info/METADATA") for name in files)


class TestServicesThatAreDescribed:
    """The SDK makes no client of a service whose description is left out."""

    def test_functions_have_those_that_they_make_clients_of(self) -> None:
        assert set(clients_named_in(sources.function_sources())) <= LAMBDA_SERVICES

    def test_instances_have_those_of_every_verb(self) -> None:
        files = {
            name: text
            for name, text in sources.command_sources().items()
            if not name.startswith("sync_core/local/")
        }
        named = set(clients_named_in(files))
        assert {"s3", "cloudformation", "stepfunctions"} <= named
        assert named <= FLEET_SERVICES


def clients_named_in(files: dict[str, bytes]) -> Iterator[str]:
    """Yield the constant service of every call of something named client."""
    for name, text in files.items():
        for node in ast.walk(ast.parse(text)) if name.endswith(".py") else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("client"):
                constants = (each.value for each in node.args if isinstance(each, ast.Constant))
                yield from (each for each in constants if isinstance(each, str))


class TestBytes:
    def test_another_folder_another_day_and_another_order_make_no_difference(
        self, tmp_path: Path
    ) -> None:
        first = build_source_package(tmp_path / "one")
        copy = tmp_path / "another checkout"
        for folder in ("sync_core", "handlers"):
            shutil.copytree(sources.ROOT / folder, copy / folder)
        for path in copy.rglob("*"):
            os.utime(path, (1, 1))
            path.chmod(0o700)
        files = sources.function_sources(copy)
        second = write_package(
            tmp_path / "two" / "other.zip", {name: files[name] for name in sorted(files)[::-1]}
        )
        assert first.read_bytes() == second.read_bytes()

    def test_a_change_of_one_byte_is_another_package(self, tmp_path: Path) -> None:
        one = write_package(tmp_path / "one.zip", {"a.py": b"x = 1\n"})
        other = write_package(tmp_path / "other.zip", {"a.py": b"x = 2\n"})
        assert one.read_bytes() != other.read_bytes()

    def test_entries_are_sorted_readable_for_all_and_of_no_day(self, tmp_path: Path) -> None:
        package = write_package(tmp_path / "p.zip", {"b.py": b"", "a/c.py": b"", "a.py": b""})
        with zipfile.ZipFile(package) as opened:
            entries = opened.infolist()
        assert [entry.filename for entry in entries] == ["a.py", "a/c.py", "b.py"]
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}

    def test_a_package_takes_the_place_of_the_last_one_and_leaves_nothing_else(
        self, tmp_path: Path
    ) -> None:
        for text in (b"1", b"2"):
            package = write_package(tmp_path / "p.zip", {"a": text})
        assert zipfile.ZipFile(package).read("a") == b"2"
        assert list(tmp_path.iterdir()) == [package]

    def test_our_own_sources_are_packed_within_a_blink(self, tmp_path: Path) -> None:
        before = time.process_time()
        package = build_source_package(tmp_path)
        # A tenth of a second, on a machine that is not slow.
        assert time.process_time() - before < 3
        assert package == tmp_path / "dualway-source.zip"


class TestRefusals:
    def test_a_package_that_lambda_would_refuse_is_refused_here(self, tmp_path: Path) -> None:
        package = write_package(tmp_path / "p.zip", {"a": b"x" * 7, "b": b"y" * 4})
        assert unzipped_bytes(package) == 11
        require_fitting(package, 11)
        with pytest.raises(ConfigError, match=r"p\.zip.*11 bytes unzipped.*takes 10"):
            require_fitting(package, 10)

    def test_an_architecture_that_lambda_does_not_have_is_named(self) -> None:
        with pytest.raises(ConfigError, match=r"architecture.*'aarch64'.*arm64, x86_64"):
            Target("aarch64", "3.13")

    def test_without_an_index_the_advice_is_to_have_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offline(monkeypatch)
        requirement = f"no-such-thing==1.0 --hash=sha256:{'0' * 64}\n"
        with pytest.raises(ConfigError, match=r"no-such-thing.*PyPI or a mirror"):
            fetch_wheels(requirement, Target("arm64", "3.13"), tmp_path)

    def test_the_script_ends_with_a_sentence_when_a_package_cannot_be_built(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        offline(monkeypatch)
        assert main(["--architecture", "arm64", "--out", str(tmp_path)]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert re.fullmatch(r"package: fetch the wheels 'pip': ERROR: .*\n", told.err)
        assert list(tmp_path.iterdir()) == []


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pip nowhere to look."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")


def test_the_script_tells_path_sizes_and_hash(tmp_path: Path) -> None:
    package = write_package(tmp_path / "p.zip", {"a": b"x" * 5000})
    path, zipped, unzipped, digest = describe(package).splitlines()
    assert path == str(package)
    assert zipped.split() == ["zipped", str(package.stat().st_size), "bytes"]
    assert unzipped.split() == ["unzipped", "5,000", "bytes"]
    assert re.fullmatch(r"  sha256    [0-9a-f]{64}", digest)
