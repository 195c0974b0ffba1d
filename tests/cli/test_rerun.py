"""The command at the end of a report, run as it stands, shows the same wrong entries."""

import json
from pathlib import Path

import pytest
from command_line import run

LOSS = """\
import numpy as np

def wrong(S, y):
    residual = np.tanh(S)
    dS = 1 - residual**2
    dS[-1] *= 1.001
    dS[dS < 0.3] = 0
    return residual.sum(), dS
"""

CONFIGS = {
    "defaults": "",
    "several problems": "--batch-size 1 --batch-size 4 --classes 3 --classes 6",
    "trials": "--trials 3 --seed 5",
    "a large seed": f"--seed {2**62}",
    "scores with signs": "--scores 'uniform(-3.5, -0.25)' --scores 'student-t(1.5, 2)'",
    "small scores": "--scores 'normal(0, 0.001)'",
    "float32": "--dtype float32 --rtol 1e-5",
    "tolerances": "--rtol 1e-9 --atol 1e-12",
    "one-hot labels": "--set labels.kind=one-hot --set labels.distribution=skewed",
    "real labels": "--set 'labels={kind: real}'",
    "ignored rows": "--set labels.ignored=0.5",
    "few entries": "--set max_entries=40",
    "a reference": "--reference complex --trials 2",
    "a plan": "--batch-size 3 --plan full",
}


def loss_of(words):
    result = run(words, "--format", "json")
    assert result.exit_code == 1, result.output
    return json.loads(result.stdout)["losses"][0]


def rerun_of(words):
    """The command that the table ends with, without ``gradcheck run``."""
    (*_, last) = (line for line in run(words).stdout.splitlines() if "gradcheck run " in line)
    return last.partition("gradcheck run ")[2]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_command_shows_the_same_wrong_entries(name, monkeypatch):
    Path("my losses").mkdir()
    monkeypatch.chdir("my losses")
    Path("it's mine.py").write_text(LOSS)
    words = f'"it\'s mine.py:wrong" {CONFIGS[name]}'
    batches = loss_of(words)["batches"]
    worst = max(batches, key=lambda batch: (batch["wrong"], batch["unresolved"], batch["max_relative_error"]))
    (again,) = loss_of(rerun_of(words))["batches"]
    for key in ("batch_size", "classes", "scores", "seed", "value", "wrong", "worst", "verdicts", "plan"):
        assert again[key] == worst[key], key


@pytest.mark.parametrize(("refused", "factor"), [(3, 1), (8, 2)], ids=["all else is right", "all else is wrong"])
def test_what_raises_in_one_problem_is_shown_again(refused, factor):
    body = f"    assert len(S) != {refused}, 'not this'\n    return S.sum(), S * 0 + {factor}\n"
    Path("picky.py").write_text(f"def loss(S, y):\n{body}")
    command = rerun_of("picky.py:loss")
    assert f"--batch-size {refused} " in command
    first, again = loss_of("picky.py:loss"), loss_of(command)
    assert [batch["batch_size"] for batch in first["batches"]] == [N for N in (1, 1, 3, 3, 8, 8) if refused != N]
    assert f"at batch size {refused}, normal(0, 1), seed 0" in again["findings"][0]["message"]
    assert (again["findings"][0]["code"], again["batches"]) == ("raises", [])
    assert again["findings"][0]["message"] in [finding["message"] for finding in first["findings"]]


def test_the_command_for_named_inputs_has_what_they_were_drawn_with():
    words = "line.py:line -i 'w=[N, 3]' --scores 'uniform(1, 2)' --batch-size 2 --trials 2"
    Path("line.py").write_text("def line(w):\n    return float((w * w).sum()), 3 * w\n")
    worst = max(loss_of(words)["batches"], key=lambda batch: batch["max_relative_error"])
    (again,) = loss_of(rerun_of(words))["batches"]
    assert (again["value"], again["seed"]) == (worst["value"], worst["seed"])
