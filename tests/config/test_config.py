"""The configuration: what it accepts, and what it says of what it does not."""

from __future__ import annotations

import copy
import json
import pickle
import re
from collections.abc import Iterator
from contextlib import chdir, nullcontext, suppress
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gradcheck.config import Config, Integers, Labels, Normal, StudentT, Uniform, load_config
from gradcheck.config.model import json_schema
from gradcheck.config.source import read_text
from gradcheck.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module", autouse=True)
def _here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A working directory for all tests, since hypothesis allows none for each example."""
    with chdir(tmp_path_factory.mktemp("here")):
        yield


def loaded(text: str | bytes, *sets: str, **options: object) -> Config:
    """A configuration from the text of ``gradcheck.yaml`` in the working directory."""
    Path("gradcheck.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(None, {(key,): value for key, value in options.items()}, sets)


def refused(text: str | bytes, *sets: str, **options: object) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(text, *sets, **options)
    return str(caught.value)


def test_the_defaults_are_those_of_the_design() -> None:
    assert Config().as_data() == {
        "losses": [],
        "seed": 0,
        "trials": 1,
        "batch_sizes": [1, 3, 8],
        "classes": [5],
        "scores": [
            {"distribution": "normal", "loc": 0.0, "scale": 1.0},
            {"distribution": "integers", "low": -2, "high": 2},
        ],
        "labels": {"kind": "class", "distribution": "uniform", "ignored": 0.0},
        "inputs": {},
        "sizes": {},
        "wrt": [],
        "gradient": None,
        "backward": None,
        "value": None,
        "hessian": False,
        "hvp": None,
        "order": 1,
        "only": "*",
        "reseed": False,
        "dtype": "float64",
        "rtol": 1e-7,
        "atol": 0.0,
        "plan": "auto",
        "max_entries": 10_000,
    }


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~", "\ufeff", "{}"])
def test_an_empty_file_is_the_defaults_and_its_data_read_back(text: str) -> None:
    config = loaded(text)
    assert config == Config() == Config(**config.as_data())


def test_default_yaml_says_the_defaults_and_names_every_key() -> None:
    path = CONFIGS / "default.yaml"
    assert load_config(path, {}) == Config()
    assert list(yaml.safe_load(path.read_text())) == list(Config.model_fields)


def test_a_file_that_is_named_wins_over_gradcheck_yaml() -> None:
    assert loaded("seed: 1").seed == 1
    Path("other.yaml").write_text("seed: 2")
    assert load_config(Path("other.yaml"), {}).seed == 2


@pytest.mark.parametrize("text", ["1e-9", "1.0e-9", "1E-9", "+1e-9", ".1e-8", "0.000000001"])
def test_every_spelling_of_a_float_is_a_float(text: str) -> None:
    assert loaded(f"rtol: {text}").rtol == pytest.approx(1e-9, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "value"),
    [("no", "no"), ("1:30", "1:30"), ("2020-13-45", "2020-13-45"), ("010", 10), ("0x10", "0x10"), ("1_000", "1_000")],
)
def test_scalars_are_read_by_yaml_1_2(text: str, value: object) -> None:
    assert read_text(text, "x").data == value


def test_an_alias_is_what_it_stands_for() -> None:
    config = loaded("batch_sizes: &sizes [2, 3]\nclasses: *sizes\n")
    assert config.batch_sizes == config.classes == (2, 3)


def test_a_lone_value_is_a_list_of_one() -> None:
    config = loaded("losses: svm\nbatch_sizes: 3\nclasses: 2\nscores: {distribution: uniform}\n")
    assert (config.losses, config.batch_sizes, config.classes) == (("svm",), (3,), (2,))
    assert config.scores == (Uniform(),)


def test_a_kind_of_scores_may_be_text() -> None:
    config = loaded("scores: [normal, 'normal(0, 0.001)', integers(-1), 'student-t(3)', 'uniform(0, 2.5)']")
    uniform = Uniform(low=0, high=2.5)
    assert config.scores == (Normal(), Normal(scale=0.001), Integers(low=-1), StudentT(df=3), uniform)


def test_python_takes_lists_lone_values_texts_and_numpy_numbers() -> None:
    config = Config(batch_sizes=[3], classes=range(2, 4), scores="normal", seed=np.int64(7), rtol=np.float64(1e-9))
    assert (config.batch_sizes, config.classes, config.seed, config.rtol) == ((3,), (2, 3), 7, 1e-9)
    assert config.scores == (Normal(),)
    assert type(config.seed) is int


def test_kinds_of_scores_and_labels_made_in_python_are_validated_too() -> None:
    config = Config(scores=[Normal(scale=2), "uniform"], labels=Labels(kind="real"))
    assert config.scores == (Normal(scale=2.0), Uniform())
    assert type(config.scores[0].scale) is float
    assert config.labels == Labels(kind="real")
    with pytest.raises(ConfigError, match=re.escape("scores[1].scale: should be greater than 0; got -1")):
        Config(scores=[Normal(), Normal(scale=-1)])
    with pytest.raises(ConfigError, match=re.escape("labels.kind: should be 'class', 'one-hot'")):
        Config(labels=Labels(kind="rael"))  # type: ignore[arg-type]


finite = st.floats(-1e30, 1e30, allow_subnormal=True)
positive = st.floats(0, 1e30, exclude_min=True)
whole = st.integers(-(2**53), 2**53)
kinds = st.one_of(
    st.builds(Normal, loc=finite, scale=positive),
    st.tuples(whole, whole).map(sorted).map(lambda ends: Integers(low=ends[0], high=ends[1])),
    st.tuples(finite, finite).map(sorted).map(lambda ends: Uniform(low=ends[0], high=ends[1])),
    st.builds(StudentT, df=positive, scale=positive),
)
sizes = st.lists(st.integers(1, 10_000), min_size=1, max_size=4)
configs = st.builds(
    Config,
    losses=st.lists(st.text(min_size=1), max_size=3),
    seed=st.integers(0, 2**62),
    trials=st.integers(1, 10**6),
    batch_sizes=sizes,
    classes=sizes,
    scores=st.lists(kinds, min_size=1, max_size=4),
    labels=st.builds(Labels, ignored=st.floats(0, 1)),
    inputs=st.dictionaries(st.sampled_from(["W", "params.b"]), st.sampled_from([0.1, "[N, D]", {"V": "normal [4]"}])),
    sizes=st.dictionaries(st.sampled_from("DHM"), st.integers(1, 9)),
    wrt=st.sampled_from([(), "W", ["W", "b"]]),
    backward=st.sampled_from([None, "affine_backward"]),
    reseed=st.booleans(),
    hessian=st.booleans(),
    dtype=st.sampled_from(["float64", "float32"]),
    rtol=st.floats(0, 1, exclude_min=True, exclude_max=True),
    atol=st.floats(0, allow_infinity=False),
    plan=st.sampled_from(["auto", "full"]),
    max_entries=st.integers(1),
)


@given(configs)
@settings(max_examples=60, deadline=None)
def test_a_config_is_the_same_after_json_and_can_be_copied_and_pickled(config: Config) -> None:
    assert json.loads(json.dumps(config.as_data())) == config.as_data()
    again = Config(**config.as_data())
    assert again == config == pickle.loads(pickle.dumps(config)) == copy.deepcopy(config)


@given(kinds)
@example(Normal(loc=-0.0))
@settings(max_examples=200, deadline=None)
def test_a_distribution_reads_back_what_describe_writes(kind: Any) -> None:
    assert Config(scores=kind.describe()).scores == (kind,)


@pytest.mark.parametrize(
    ("data", "valid"),
    [
        ({}, True),
        ({"losses": "svm", "batch_sizes": 3, "scores": "normal(0, 0.001)"}, True),
        ({"losses": ["svm"], "classes": [1, 2], "scores": ["normal", {"distribution": "integers", "low": 0}]}, True),
        ({"labels": {"kind": "one-hot"}, "plan": "rows", "rtol": 1e-9, "atol": 0, "dtype": "float32"}, True),
        ({"inputs": {"W": "normal(0, 0.1) [D, C]", "reg": 0.1}, "sizes": {"D": 3}, "wrt": "W", "gradient": None}, True),
        ({"backward": "affine_backward", "only": "params.W*", "reseed": True}, True),
        ({"sizes": {"D": 0}}, False),
        ({"reseed": "yes"}, False),
        ({"batchsizes": 3}, False),
        ({"batch_sizes": []}, False),
        ({"batch_sizes": [0]}, False),
        ({"rtol": "small"}, False),
        ({"dtype": "float16"}, False),
        ({"scores": {"distribution": "normal", "scale": -1}}, False),
        ({"labels": {"kind": "classes"}}, False),
        ({"plan": "best"}, False),
    ],
    ids=str,
)
def test_the_schema_takes_and_refuses_what_gradcheck_does(data: dict[str, object], valid: bool) -> None:
    with nullcontext() if valid else pytest.raises(ConfigError):
        Config(**data)
    with nullcontext() if valid else pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(json_schema()))


def test_the_schema_is_valid_and_its_defaults_are_the_configurations() -> None:
    schema = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {key: part["default"] for key, part in schema["properties"].items()}
    assert Config(**defaults) == Config()
    assert all("description" in part for part in schema["properties"].values())
    for path in CONFIGS.glob("*.yaml"):
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_size: 3", "gradcheck.yaml:1: batch_size: unknown key\ndid you mean batch_sizes?"),
        ("seed: 1\n\nRTOL: 1", "gradcheck.yaml:3: RTOL: unknown key\ndid you mean rtol?"),
        ("zzz: 1", "gradcheck.yaml:1: zzz: unknown key\nthe keys here are losses, seed, trials,"),
        ("labels:\n  knd: class", "gradcheck.yaml:2: labels.knd: unknown key\ndid you mean kind?"),
        ("scores:\n  - distribution: normal\n    scal: 1", ":3: scores[0].scal: unknown key\ndid you mean scale?"),
        ("scores: {distribution: integers, hihg: 1}", "scores.hihg: unknown key\ndid you mean high?"),
        ("seed: true", "gradcheck.yaml:1: seed: should be a valid integer; got True"),
        ('seed: "3"', "seed: should be a valid integer; got '3'"),
        ("seed: 9223372036854775808", "seed: should be less than 9223372036854775808"),
        ("rtol: true", "rtol: should be a valid number; got True"),
        ("rtol: 0", "rtol: should be greater than 0; got 0"),
        ("rtol: .nan", "rtol: should be a valid number; got '.nan'"),
        ("atol: 1e999", "atol: should be a finite number"),
        ("batch_sizes:\n  - 1\n  - 0", "gradcheck.yaml:3: batch_sizes[1]: should be greater than or equal to 1; got 0"),
        ("classes: []", "classes: Value should have at least 1 item; got []"),
        ("batch_sizes:", "batch_sizes: should be a list; got None"),
        ("batch_sizes: 100000000", "batch_sizes, classes: 100,000,000 x 5 are more than 134,217,728 scores"),
        ("losses: [svm, 3]", "losses[1]: should be a valid string; got 3"),
        ("losses: ['']", "losses[0]: String should have at least 1 character"),
        ("dtype: float16", "dtype: should be 'float64' or 'float32'; got 'float16'\ndid you mean float64?"),
        ("plan: fulll", "'full' or 'projections'; got 'fulll'\ndid you mean full?"),
        ("labels: one-hot", "labels: should be a mapping of keys to values; got 'one-hot'"),
        ("scores: [{scale: 1}]", "scores[0]: should name its distribution"),
        ("scores: norml", "scores: the distribution 'norml' is none of 'normal', 'integers', 'uniform', 'student-t'"),
        ("scores: 'normal(1, 2, 3)'", "scores: normal takes at most 2 numbers, normal(loc, scale)"),
        ("scores: 'normal(0'", 'scores: must be written as "normal" or "normal(0, 0.001)"'),
        ("scores: [normal, 'normal(0, -1)']", "scores[1].scale: should be greater than 0; got -1"),
        ("scores: integers(3, 2)", "scores: low must be at most high; got 'integers(3, 2)'"),
        ("inputs: {x: 'integers(3, 1) [N]'}", "inputs.x: integers: low must be at most high"),
        ("inputs: {x: 'student-t(-1) [N]'}", "inputs.x: student-t (df): should be greater than 0"),
        ("scores: 5", "scores: should be a mapping of keys to values; got 5"),
        ("- 1", "gradcheck.yaml: does not hold keys with values"),
        ("seed: 1\nseed: 2", "gradcheck.yaml:2:1: seed: is given twice, here and on line 1"),
        ("seed: [1", "gradcheck.yaml:1:9: while parsing a flow sequence expected ',' or ']'"),
        ("seed: 1\nrtol: a: b", "gradcheck.yaml:2:8: mapping values are not allowed here"),
        ("seed: !!python/object/apply:os.getpid []", "gradcheck.yaml:1: seed: should be a valid integer; got []"),
        ("losses: &a [*a]", "gradcheck.yaml: is nested too deeply"),
        ("{[1]: 2}", "gradcheck.yaml:1:2: a key must be a word"),
        ("seed: 1\n--- \nseed: 2", "gradcheck.yaml:2:1: expected a single document"),
        ("seed: 1\nx: \0", "gradcheck.yaml: is nested too deeply, or holds a character that YAML does not allow"),
        (b"seed: 1\nlosses: \xe9", "gradcheck.yaml:2: is not UTF-8"),
        ("seed: 1".encode("utf-16"), "gradcheck.yaml:1: is not UTF-8"),
        (r'a: "\UFFFFFFFF"', "holds a character that YAML does not allow"),
        (r'a: "\ud800"', "holds a character that YAML does not allow"),
        ("[" * 50_000, "gradcheck.yaml: is nested too deeply"),
        ("rtol: " + "9" * 10_000, "gradcheck.yaml:1: rtol: should be a finite number"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(text: str | bytes, message: str) -> None:
    said = refused(text)
    assert message in said
    assert "pydantic" not in said
    assert "http" not in said
    assert len(said) < 400


def test_all_mistakes_are_reported_together() -> None:
    said = refused("rtol: 2\nscore: normal\nseed: -1\nclasses: [0, 2, 0]\n").splitlines()
    assert sorted(line.split(": ")[0] for line in said) == [f"gradcheck.yaml:{line}" for line in (1, 2, 3, 4, 4)]
    assert "gradcheck.yaml:2: score: unknown key; did you mean scores?" in said


def test_a_file_that_cannot_be_read_is_named() -> None:
    for path, problem in [
        (Path("missing.yaml"), "missing.yaml: cannot be read: No such file or directory"),
        (Path(), ".: cannot be read: Is a directory"),
        (Path("a\0b"), r"a\x00b: cannot be read"),
        (Path("x" * 5000), "cannot be read: File name too long"),
    ]:
        with pytest.raises(ConfigError, match=re.escape(problem)):
            load_config(path, {})


def test_what_is_shown_cannot_disturb_a_terminal() -> None:
    said = refused(r'"\e[31m": "\a"')
    assert "\x1b" not in said
    assert r"\x1b[31m: unknown key" in said


def test_mistakes_in_python_get_the_same_messages() -> None:
    with pytest.raises(ConfigError) as caught:
        Config(batch_size=[3])
    assert str(caught.value) == "batch_size: unknown key\ndid you mean batch_sizes?"
    with pytest.raises(ConfigError, match=re.escape("batch_sizes[1]: should be a valid integer; got np.float32")):
        Config(batch_sizes=[1, np.float32(2)])


def test_options_win_over_the_file_and_none_or_an_empty_list_means_not_given() -> None:
    config = loaded("seed: 1\nrtol: 1e-9\nclasses: 7", seed=5, rtol=None, batch_sizes=[2], classes=[])
    assert (config.seed, config.rtol, config.batch_sizes, config.classes) == (5, 1e-9, (2,), (7,))


def test_set_reads_its_value_as_yaml() -> None:
    config = loaded("", "batch_sizes=[1, 2]", "rtol=1e-9", "losses=svm", "labels={kind: real}")
    assert (config.batch_sizes, config.rtol, config.losses) == ((1, 2), 1e-9, ("svm",))
    assert config.labels == Labels(kind="real")


def test_set_of_a_part_leaves_the_other_parts() -> None:
    labels = loaded("labels: {distribution: skewed}", "labels.kind=one-hot").labels
    assert labels == Labels(kind="one-hot", distribution="skewed")
    assert loaded("", "labels.kind=real").labels == Labels(kind="real")
    assert loaded("labels:", "labels.kind=real").labels == Labels(kind="real")


def test_set_reaches_into_one_kind_of_several_by_its_number() -> None:
    assert loaded("", "scores.0.scale=0.5", "scores.1.high=7").scores == (Normal(scale=0.5), Integers(high=7))
    said = refused("", "scores.scale=1")
    assert said.startswith("--set scores.scale=1: scores has no scale")
    assert "scores.0.scale" in said


def test_the_last_set_of_a_key_wins_and_comes_after_the_options() -> None:
    assert loaded("", "seed=1", "seed=2", seed=9).seed == 2
    again = loaded("", "labels.kind=real", "labels={kind: class}", "labels.kind=one-hot")
    assert again.labels.kind == "one-hot"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scores.0.scale=-1", "--set scores.0.scale=-1: should be greater than 0; got -1"),
        ("batch_size=1", "--set batch_size=1: unknown key\ndid you mean batch_sizes?"),
        ("labels.kin=real", "--set labels.kin=real: unknown key\ndid you mean kind?"),
        ("labels={kin: real}", "--set labels={kin: real}: kin: unknown key\ndid you mean kind?"),
        ("seed=abc", "--set seed=abc: should be a valid integer; got 'abc'"),
        ("seed.x=1", "--set seed.x=1: seed has no x"),
        ("batch_sizes=[]", "--set batch_sizes=[]: Value should have at least 1 item"),
        ("seed", "--set seed: must be key=value\nfor example --set rtol=1e-8"),
        ("=1", "--set =1: must be key=value"),
        ("a..b=1", "--set a..b=1: must be key=value"),
        ("seed=[1", "--set seed=[1: while parsing a flow sequence"),
        ("seed=*a", "--set seed=*a: found undefined alias 'a'"),
        ("seed=\udcff", r"--set seed=\udcff: is nested too deeply, or holds a character that YAML does not allow"),
    ],
)
def test_a_mistake_in_set_names_the_option(text: str, message: str) -> None:
    assert refused("", text).startswith(message)


def test_a_mistake_in_an_option_names_the_option_and_not_the_file() -> None:
    said = refused("seed: 1\nbatch_sizes: [1]", batch_sizes=[0])
    assert said == "--batch-size: should be greater than or equal to 1; got 0"
    assert refused("seed: 1", seed=-1) == "--seed: should be greater than or equal to 0; got -1"
    assert refused("", scores=["normal(0, -1)"]) == "--scores: scale: should be greater than 0; got -1"
    assert refused("rtol: 2", seed=1).startswith("gradcheck.yaml:1: rtol")


keys = st.sampled_from([*Config().as_data(), "distribution", "low", "scale", "kind", "<<", "0", "x"])
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["normal", "normal(0, 1)", "integers(5)", "class", "uniform", "{a: 1}", "{", "normal([)"]),
)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))
yaml_like = st.text(st.sampled_from(list("a: -[]{},\n\t'\"#&*!|>%@`?~1.e+_\\U0x<=\x00\x85\ud7ff")), max_size=40)


def survives(text: str | bytes, *sets: str) -> None:
    """Either a Config or a ConfigError whose every line can be printed."""
    try:
        assert isinstance(loaded(text, *sets), Config)
    except ConfigError as error:
        said = str(error)
        assert said
        assert said.replace("\n", "").isprintable()


@given(st.binary(max_size=60) | yaml_like.map(str.encode))
@settings(max_examples=400, deadline=None)
def test_no_bytes_of_a_file_raise_anything_but_a_config_error(content: bytes) -> None:
    survives(content)


@given(st.dictionaries(keys, trees, max_size=5))
@settings(max_examples=150, deadline=None)
def test_no_tree_of_values_raises_anything_but_a_config_error(tree: dict[str, Any]) -> None:
    survives(yaml.safe_dump(tree))
    survives(yaml.safe_dump(tree, default_flow_style=True, allow_unicode=True))
    with suppress(ConfigError):
        Config(**tree)


@given(
    st.lists(keys | st.text(max_size=4), max_size=3).map(".".join), yaml_like | trees.map(repr), st.sampled_from("= ")
)
@settings(max_examples=200, deadline=None)
def test_no_set_raises_anything_but_a_config_error(key: str, value: str, equals: str) -> None:
    survives("scores: normal", f"{key}{equals}{value}")


@given(yaml_like | st.text() | yaml_like.map("normal({})".format))
@settings(max_examples=300, deadline=None)
def test_no_text_of_scores_raises_anything_but_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        Config(scores=text)
