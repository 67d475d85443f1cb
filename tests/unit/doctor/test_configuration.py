from __future__ import annotations

from soak_action.config.check import Mistake
from soak_action.config.report import Finding as Told
from soak_action.config.report import Report
from soak_action.doctor.configuration import judge_configuration


def told(sentence: str) -> Told:
    return Told(Mistake("soak.yaml:3:1", ("kpis",), sentence))


def test_each_mistake_and_each_warning_is_a_finding():
    found = list(judge_configuration(Report("soak.yaml", (told("wrong"), told("bad")), (told("odd"),))))
    assert [(finding.status, finding.sentence) for finding in found] == [
        ("problem", "soak.yaml:3:1: wrong"),
        ("problem", "soak.yaml:3:1: bad"),
        ("warning", "soak.yaml:3:1: odd"),
    ]
    assert all(finding.id == "configuration" and finding.advice for finding in found)


def test_a_configuration_without_any_is_ok():
    (finding,) = judge_configuration(Report("soak.yaml", ()))
    assert (finding.status, finding.sentence, finding.advice) == ("ok", "nothing is wrong with soak.yaml", "")
