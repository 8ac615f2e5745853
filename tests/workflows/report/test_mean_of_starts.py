"""What reports say where the mean of the starts was refined in place of each."""

from dataclasses import replace

import pytest

from made_outcomes import outcome
from sayre.workflows.report import report


@pytest.mark.parametrize("of_mean", [False, True])
def test_a_report_says_whether_each_start_or_their_mean_was_refined(tmp_path, of_mean):
    made = outcome(tmp_path)
    phased = replace(made.result.phased, of_mean=of_mean)
    text = report(replace(made, result=replace(made.result, phased=phased)))
    assert ("which iterate the mean of the averaged starts" in text) is of_mean
    assert ("which iterate the averaged starts" in text) is not of_mean
    assert ("Their mean was refined by maximum likelihood." in text) is of_mean
    assert ("before their mean was refined" in text) is of_mean
