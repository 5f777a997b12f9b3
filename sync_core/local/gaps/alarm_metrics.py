"""CloudFormation creates alarms on metric math.

AWS: `Metrics` of AWS::CloudWatch::Alarm holds the metrics and the expression on them
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html).
Emulator: the resource fails. Here the alarm is kept and described as it was given; no expression is
ever evaluated, so its state stays INSUFFICIENT_DATA.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("metric math of alarms in CloudFormation")

_NO_METRIC = {"MetricName": "none", "Namespace": "none", "Dimensions": []}


def install() -> None:
    """Let alarms with `Metrics` be kept."""
    _SEAM.wrap("services.cloudformation.provisioners", "_cw_metric_alarm_record", _with_metrics)


def _with_metrics(record: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def recorded(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        metrics = properties.get("Metrics")
        if not metrics:
            return record(name, properties)
        # A metric that nobody writes keeps the alarm from being evaluated.
        alarm = record(name, {**properties, "Metrics": None, **_NO_METRIC})
        return {**alarm, "Metrics": metrics, "MetricName": None, "Namespace": None}

    return recorded
