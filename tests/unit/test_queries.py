"""The queries that the template saves for CloudWatch Logs Insights."""

from sync_core.launch.queries import SavedQuery, saved_queries
from sync_core.launch.template import read_template

TEMPLATE = """
Resources:
  FirstQuery:
    Type: AWS::Logs::QueryDefinition
    Condition: RunsHere
    Properties:
      Name: !Sub dualway/${AWS::StackName}/First things
      LogGroupNames: [!Ref LogGroup]
      QueryString: |-
        fields key
        | limit 1

  LogGroup:
    Type: AWS::Logs::LogGroup
    Properties:
      Name: not/a query

  SecondQuery:
    Type: AWS::Logs::QueryDefinition
    Properties:
      QueryString: |
        fields row
      Name: dualway/Second
Outputs: {}
"""


def test_each_saved_query_is_found_with_its_name() -> None:
    assert list(saved_queries(TEMPLATE)) == [
        SavedQuery("First things", "fields key\n| limit 1"),
        SavedQuery("Second", "fields row"),
    ]


def test_the_template_saves_the_three_queries_that_operators_ask_for_first() -> None:
    texts = [each.text for each in saved_queries(read_template())]
    assert len(texts) == read_template().count("Type: AWS::Logs::QueryDefinition") == 3
    assert any("Repeated transfer job!" in text for text in texts)
    assert any("reason" in text for text in texts)
    assert any("lag_seconds" in text for text in texts)
