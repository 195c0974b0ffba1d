"""How inputs of any number of dimensions become one flat vector and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes

from gradcheck.layout import Blocks, Layout

several_inputs = st.lists(
    shapes.array_shapes(min_dims=0, max_dims=4, max_side=4), min_size=1, max_size=5
).map(lambda each: {f"p{k}": shape for k, shape in enumerate(each)})  # fmt: skip


@given(several_inputs)
def test_every_flat_entry_has_one_input_and_one_index_and_leads_back(inputs):
    layout = Layout.of(inputs)
    x = np.arange(float(layout.n))
    arrays = layout.arrays(x)
    assert {name: array.shape for name, array in arrays.items()} == inputs
    assert layout.n == sum(array.size for array in arrays.values())
    for entry in range(layout.n):
        name, index = layout.index(entry)
        assert arrays[name][index] == entry
    for array in arrays.values():  # they are views
        array[...] = -1
    assert x.tolist() == [-1.0] * layout.n


@given(several_inputs, st.integers(0, 100))
def test_each_input_is_a_block_with_a_scale_of_its_own(inputs, seed):
    layout = Layout.of(inputs)
    blocks = Blocks.of_inputs(layout)
    gradient = np.random.default_rng(seed).normal(size=layout.n)
    expected = [float(np.abs(array).max()) for array in layout.arrays(gradient).values()]
    assert len(blocks) == len(inputs)
    assert blocks.largest(gradient).tolist() == expected
    owners = [layout.index(entry)[0] for entry in range(layout.n)]
    assert [layout.names[block] for block in blocks.of(np.arange(layout.n))] == owners
    assert [each.entries for each in layout.inputs] == blocks.slices()


def test_what_is_not_finite_has_no_size():
    for bad in (np.nan, np.inf, -np.inf):
        assert Blocks.of_rows((3, 2)).largest(np.array([1.0, -2.0, bad, 3.0, bad, bad])).tolist() == [2.0, 3.0, 0.0]
