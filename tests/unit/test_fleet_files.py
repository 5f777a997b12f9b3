"""What an instance takes out of its package fits the worker and the template."""

import configparser
import json
from pathlib import Path

from sync_core.launch.packages_sources import ROOT, instance_files
from sync_core.worker import WorkerSettings


class TestInstance:
    FILES = instance_files()
    TEMPLATE = (ROOT / "cfn" / "site.yaml").read_text(encoding="utf-8")

    def unit(self) -> configparser.SectionProxy:
        parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
        parser.optionxform = str  # type: ignore[method-assign, assignment]
        parser.read_string(self.FILES["dualway-worker.service"].decode())
        return parser["Service"]

    def test_the_worker_is_told_to_stop_in_good_order_and_given_time_for_it(self) -> None:
        unit = self.unit()
        assert unit["KillSignal"] == "SIGTERM"
        assert float(unit["TimeoutStopSec"]) >= WorkerSettings().drain_seconds + 30

    def test_the_worker_is_started_again_whatever_it_ends_with(self) -> None:
        assert self.unit()["Restart"] == "always"

    def test_the_unit_runs_what_the_package_holds_under_nobodys_rights(self) -> None:
        unit = self.unit()
        assert unit["ExecStart"] == "/usr/bin/python3.11 -m sync_core.cli worker"
        assert unit["WorkingDirectory"] == "/opt/dualway"
        assert unit["DynamicUser"] == unit["NoNewPrivileges"] == "yes"

    def test_settings_and_log_are_where_the_template_has_them(self) -> None:
        unit = self.unit()
        log_file = unit["StandardOutput"].removeprefix("append:")
        assert f"cat > {unit['EnvironmentFile']} <<" in self.TEMPLATE
        assert str(Path(log_file).parent) in self.TEMPLATE
        agent = json.loads(self.FILES["amazon-cloudwatch-agent.json"])
        (shipped,) = agent["logs"]["logs_collected"]["files"]["collect_list"]
        assert shipped["file_path"] == log_file
        assert f"{log_file} {{" in self.FILES["logrotate.conf"].decode()

    def test_the_template_takes_every_file_and_names_the_group_of_the_log(self) -> None:
        for name in self.FILES:
            assert f"/opt/dualway/{name}" in self.TEMPLATE
        assert b'"WORKER_LOG_GROUP"' in self.FILES["amazon-cloudwatch-agent.json"]
        assert "s|WORKER_LOG_GROUP|" in self.TEMPLATE
