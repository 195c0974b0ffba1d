"""Tracebacks of user code show the user's own lines."""

import numpy as np
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.loading import load_target
from gradcheck.functions.output_capture import trimmed_traceback


@pytest.mark.parametrize(
    ("body", "shown", "hidden"),
    [
        ("return 1 / 0", ['mine.py", line 4, in loss', "return 1 / 0"], ["budget.py", "function.py"]),
        ("return np.linalg.inv(np.zeros((2, 2))), S", ["np.linalg.inv", "LinAlgError"], ["site-packages"]),
        ("from gradcheck.losses.hinge import svm; return svm(S, y + 99)", ["svm(S, y + 99)", "hinge.py"], []),
    ],
)
def test_the_users_lines_are_shown_and_those_of_built_ins_and_none_of_a_library(tmp_path, body, shown, hidden):
    (tmp_path / "mine.py").write_text(f"import numpy as np\n\ndef loss(S, y):\n    {body}\n")
    with pytest.raises(LossDefect) as caught:
        load_target(f"{tmp_path / 'mine.py'}:loss").evaluate(np.zeros((2, 3)), np.array([0, 1]))
    details = caught.value.details
    assert [words in details for words in shown] == [True] * len(shown), details
    assert [words in details for words in hidden] == [False] * len(hidden), details


def test_where_all_frames_are_in_libraries_they_are_shown():
    with pytest.raises(np.linalg.LinAlgError) as caught:
        np.linalg.inv(np.zeros((2, 2)))
    assert caught.value.__traceback__ is not None
    caught.value.__traceback__ = caught.value.__traceback__.tb_next  # without this file's own frame
    details = trimmed_traceback(caught.value)
    assert "LinAlgError" in details
    assert "site-packages" in details
