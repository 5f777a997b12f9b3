"""The deployment guide: what it names exists, and both languages say the same."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sync_core import config
from sync_core.cli import VERBS, verb
from sync_core.errors import ConfigError
from sync_core.launch.settings import SET_BY_LAUNCH, parse_settings
from sync_core.launch.site_parameters import template_parameters
from sync_core.launch.template import parameter_names
from tests.cfn.template import OUTPUTS, PARAMETERS, RESOURCES, TEXT
from tests.cfn.test_site_parameters import broken, value_is_allowed

FOLDER = Path(__file__).resolve().parents[2] / "cfn"
ENGLISH, CHINESE = (
    (FOLDER / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
)
GUIDES = pytest.mark.parametrize("guide", [ENGLISH, CHINESE], ids=["English", "Chinese"])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINKED = re.compile(r"\]\(#([^)]+)\)")
ROW = re.compile(r"^\| `(\w+)`( †)? \|(?: `(.*?)`|[^|`]*) \| .+ \|$", re.MULTILINE)
VARIABLE = re.compile(r"DUALWAY_[A-Z_]*[A-Z]")
SETUP = "AWS_ENDPOINT_URL"


DEPLOYED = ("a", "b", "S3 beside OSS", "OSS", "one way", "NetStorage")


class Recording(Mapping[str, str]):
    """An environment with nothing in it, which notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def blocks(guide: str, language: str | None = None) -> list[str]:
    return [text for found, text in FENCE.findall(guide) if language in {None, found}]


def headings(guide: str) -> list[tuple[str, str]]:
    """Return level and text of each heading."""
    return re.findall(r"^(#+) (.+)$", FENCE.sub("", guide), re.MULTILINE)


def anchor(heading: str) -> str:
    """Return what GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def commands(guide: str) -> Iterator[list[str]]:
    """Yield the words behind `dualway` wherever it is called, in blocks and in the text."""
    text = FENCE.sub("", guide)
    lines = [*"\n".join(blocks(guide, "sh")).splitlines(), *re.findall(r"`([^`\n]+)`", text)]
    for line in lines:
        found = re.search(r"(?:^|[\w-]+ )dualway ([a-z-].*)", line)
        if found and "--stack-name dualway" not in line:
            yield found[1].split()


def overrides_of(block: str) -> dict[str, str]:
    """Return the parameters that a command gives to a stack."""
    _, _, overrides = block.partition("--parameter-overrides")
    return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', overrides))


def by_hand(guide: str, which: str) -> dict[str, str]:
    """Return the parameters of one of `DEPLOYED`, but those of the packages."""
    deployed = [each for each in blocks(guide, "sh") if "--parameter-overrides" in each]
    given = overrides_of(deployed[DEPLOYED.index(which)])
    return {name: given[name] for name in given.keys() - {"ArtifactBucket", "LambdaPackage"}}


def documented(guide: str) -> dict[str, tuple[bool, str]]:
    """Return, by parameter, whether the launch sets it and its default as the tables say."""
    return {name: (bool(mark), default) for name, mark, default in ROW.findall(guide)}


@GUIDES
def test_every_parameter_is_in_a_table_with_its_default(guide: str) -> None:
    defaults = {name: str(each.get("Default", "")) for name, each in PARAMETERS.items()}
    found = {name: row for name, row in documented(guide).items() if name in PARAMETERS}
    assert {name: default for name, (_, default) in found.items()} == defaults
    assert {name for name, (is_set, _) in found.items() if is_set} == set(SET_BY_LAUNCH)


@GUIDES
def test_the_variables_are_those_that_the_configuration_reads(guide: str) -> None:
    environment = Recording()
    with pytest.raises(ConfigError):
        config.Config.from_environment(environment)
    assert len(environment.asked) > len(OUTPUTS)
    assert environment.asked <= {*VARIABLE.findall(guide), SETUP}
    set_by_template = set(VARIABLE.findall(TEXT))
    assert set(VARIABLE.findall(guide)) <= environment.asked | set_by_template


@GUIDES
def test_every_command_exists_with_its_options(guide: str) -> None:
    called = list(commands(guide))
    assert {words[0] for words in called} >= {"launch", "destroy", "rotate", "logs", "deletes"}
    for words in called:
        assert words[0] in VERBS
        command = verb(words[0])
        rest = words[1:]
        if hasattr(command, "commands") and rest:
            command, rest = command.commands[rest[0]], rest[1:]
        known = {name for each in command.params for name in each.opts}
        assert {word for word in rest if word.startswith("--")} <= known, words


@GUIDES
def test_stacks_are_asked_for_outputs_and_resources_that_they_have(guide: str) -> None:
    text = "\n".join([*blocks(guide, "sh"), *re.findall(r"`([^`\n]+)`", guide)])
    outputs = set(re.findall(r'(?:output|queue_arn) (?:acme-\w+|"\$\w+") (\w+)', text))
    resources = set(re.findall(r'resource (?:acme-\w+|"\$\w+") (\w+)', text))
    assert outputs <= set(OUTPUTS)
    assert resources <= set(RESOURCES)
    assert len(outputs) > len(resources) > 1


@GUIDES
def test_every_output_is_named(guide: str) -> None:
    assert [name for name in OUTPUTS if name not in guide] == []


@GUIDES
def test_stacks_are_deployed_with_parameters_that_the_template_has(guide: str) -> None:
    required = {name for name, each in PARAMETERS.items() if "Default" not in each}
    deployed = [each for each in blocks(guide, "sh") if "--parameter-overrides" in each]
    assert len(deployed) == len(DEPLOYED)
    for each in deployed:
        given = overrides_of(each)
        assert required <= set(given) <= set(PARAMETERS)
        assert broken(given) == set()
        wrong = [name for name, value in given.items() if not value_is_allowed(name, value)]
        assert [name for name in wrong if "$" not in given[name]] == []


@GUIDES
def test_every_piece_of_toml_is_read_by_the_launch(guide: str) -> None:
    whole, *pieces = blocks(guide, "toml")
    known = parameter_names(TEXT)
    assert [site.name for site in parse_settings(whole, known).sites] == ["a", "b"]
    sites = whole.partition("[parameters]")[0]
    pairs = [piece for piece in pieces if "store =" in piece]
    for piece in (piece for piece in pieces if piece not in pairs):
        found = parse_settings(f"{sites}\n{piece}", known)
        assert any(site.parameters for site in found.sites)


@GUIDES
def test_a_file_for_another_store_does_what_the_commands_for_it_do(guide: str) -> None:
    pair, *feeds = [text for text in blocks(guide, "toml") if "store =" in text]
    in_aws, _, _ = pair.partition("[oss]")
    launched = []
    for text in (pair, *(in_aws + feed for feed in feeds)):
        settings = parse_settings(text, parameter_names(TEXT))
        for site in filter(settings.has_stack, settings.sites):
            peer = settings.peer_of(site)
            given = template_parameters(settings, site, peer.region or "akamai", {})
            launched.append({name: value for name, value in given.items() if value})
    commands = [by_hand(guide, each) for each in ("S3 beside OSS", "OSS", "one way", "NetStorage")]
    for one in (*launched, *commands):
        # The shell knows it, and the file has an example of it.
        one.pop("StoreUserIds", None)
    assert launched == commands


@GUIDES
def test_links_within_the_guide_lead_to_a_heading(guide: str) -> None:
    places = {anchor(text) for _, text in headings(guide)}
    linked = set(LINKED.findall(guide))
    assert linked
    assert linked <= places


def test_both_languages_have_the_same_blocks_headings_and_tables() -> None:
    assert FENCE.findall(ENGLISH) == FENCE.findall(CHINESE)
    assert [level for level, _ in headings(ENGLISH)] == [level for level, _ in headings(CHINESE)]
    rows = [
        [line.count("|") for line in guide.splitlines() if line.startswith("|")]
        for guide in (ENGLISH, CHINESE)
    ]
    assert rows[0] == rows[1]


def test_each_language_links_to_the_other_at_its_top() -> None:
    assert "(README.zh-CN.md)" in "".join(ENGLISH.splitlines()[:4])
    assert "(README.md)" in "".join(CHINESE.splitlines()[:4])


@GUIDES
def test_every_alarm_is_explained(guide: str) -> None:
    alarms = [name for name, each in RESOURCES.items() if each["Type"].endswith("::Alarm")]
    assert alarms
    assert [name for name in alarms if f"| {name} |" not in guide] == []
