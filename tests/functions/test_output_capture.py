"""Tracebacks of user code show the user's own lines."""

import numpy as np
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.loading import load_target

LOSS = "import numpy as np\n\ndef loss(S, y):\n    "


@pytest.mark.parametrize(
    ("text", "shown", "hidden"),
    [
        (f"{LOSS}return 1 / 0", ['mine.py", line 4, in loss', "return 1 / 0"], ["budget.py", "function.py"]),
        (f"{LOSS}return np.linalg.inv(np.zeros((2, 2))), S", ["np.linalg.inv", "LinAlgError"], ["site-packages"]),
        (f"{LOSS}from gradcheck.losses.hinge import svm; return svm(S, y + 99)", ["svm(S, y + 99)", "hinge.py"], []),
        ("from numpy.linalg import solve as loss", ["LinAlgError", "site-packages"], ["budget.py", "function.py"]),
    ],
    ids=["the user's own", "a library's below", "a built-in's below", "a library's alone"],
)
def test_the_users_lines_and_those_of_built_ins_are_shown_and_a_librarys_only_where_there_are_no_others(
    tmp_path, text, shown, hidden
):
    (tmp_path / "mine.py").write_text(f"{text}\n")
    with pytest.raises(LossDefect) as caught:
        load_target(f"{tmp_path / 'mine.py'}:loss").evaluate(np.zeros((2, 3)), np.array([0, 1]))
    details = caught.value.details
    assert [words in details for words in shown] == [True] * len(shown), details
    assert [words in details for words in hidden] == [False] * len(hidden), details
