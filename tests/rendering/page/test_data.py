"""What the page's script is given."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from gradcheck.output.page.data import MOST_CELLS, data, inside_a_script, with_grid


def test_right_entries_too_small_to_compare_are_told_from_the_others(problem):
    negligible = np.zeros((2, 3), bool)
    negligible[0] = True
    shown = problem(2, 3, wrong=[(0, 1)], negligible=negligible)
    shown.relative_errors[0, 2] = 0
    (told,) = json.loads(data([shown], {0}))["problems"]
    assert told["verdicts"] == "430000"


def test_an_entry_in_doubt_brings_its_steps_and_their_errors(problem):
    shown = problem(1, 3, wrong=[(0, 1)])
    tried = ((0.05, 0.2), (1e-3, 0.1667), (1e-5, 0.16675))
    entry = replace(shown.worst[0], numerical=0.16675, tried=tried, plain=0.1668, step=7.1e-4, bound=1.2e-12)
    (told,) = json.loads(data([replace(shown, worst=(entry, *shown.worst[1:]))], {0}))["problems"]
    plot = told["worst"][0]["plot"]
    assert plot["tried"] == [[0.05, 0.0333], [0.001, 5e-05], [1e-05, 0]]
    assert (plot["step"], plot["error"], plot["bound"], plot["off"]) == (0.00071, 5e-05, 1.2e-12, 0.0832)
    assert "plot" not in told["worst"][1]


def test_a_central_difference_is_told_where_a_complex_step_judged(problem):
    shown = problem(1, 3)
    entry = replace(shown.worst[0], central=0.2501)
    answer = json.loads(data([replace(shown, worst=(entry,))], {0}))
    numbers = dict(zip(answer["names"], answer["problems"][0]["worst"][0]["numbers"], strict=True))
    assert numbers["central difference"] == "0.2501"


def test_thousands_of_worst_entries_are_held_to_what_a_page_can_take(problem):
    shown = problem(10, 10)
    many = replace(shown, worst=shown.worst * 500)
    assert len(json.loads(data([many], {0}))["problems"][0]["worst"]) == 1_000
    assert len(data([many] * 20, set())) < 1_200_000


def test_room_goes_to_the_gravest_problems_first(problem):
    calm = [problem(100, 100) for _ in range(MOST_CELLS // 10_000)]
    wrong, projected = problem(100, 100, wrong=[(0, 0)]), problem(2, 2)
    kept = with_grid([*calm, wrong, replace(projected, verdicts=None)])
    assert len(calm) in kept
    assert len(calm) + 1 not in kept
    assert len(kept) == len(calm)


def test_no_text_can_end_the_element_that_the_data_stand_in():
    text = "</script><!-- <script> ]]> & \u2028"
    written = inside_a_script(json.dumps([text]))
    assert not set("<>&\u2028") & set(written)
    assert json.loads(written) == [text]
