"""The configuration: what it accepts, and what it says of what it does not."""

import copy
import json
import pickle
import re
from contextlib import chdir, nullcontext, suppress
from pathlib import Path

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
def _here(tmp_path_factory):
    """A working directory for all tests, since hypothesis allows none for each example."""
    with chdir(tmp_path_factory.mktemp("here")):
        yield


def loaded(text, *sets, **options):
    """A configuration from the text of ``gradcheck.yaml`` in the working directory."""
    Path("gradcheck.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(None, {(key,): value for key, value in options.items()}, sets)


def refused(text, *sets, **options):
    with pytest.raises(ConfigError) as caught:
        loaded(text, *sets, **options)
    return str(caught.value)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~", "\ufeff", "{}"])
def test_an_empty_file_is_the_defaults_and_its_data_read_back(text):
    config = loaded(text)
    assert config == Config() == Config(**config.as_data())


SCALARS = {
    "no": "no", "1:30": "1:30", "2020-13-45": "2020-13-45", "010": 10, "0x10": "0x10", "1_000": "1_000",
    "1e-9": 1e-9, "1.0e-9": 1e-9, "1E-9": 1e-9, "+1e-9": 1e-9, ".1e-8": 1e-9, "0.000000001": 1e-9,
}  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_scalars_are_read_by_yaml_1_2_and_every_spelling_of_a_float_is_a_float(text):
    read, expected = read_text(text, "x").data, SCALARS[text]
    assert type(read) is type(expected)
    assert read == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("batch_sizes: &sizes [2, 3]\nclasses: *sizes\n", {"batch_sizes": (2, 3), "classes": (2, 3)}),
        ("losses: svm\nbatch_sizes: 3\nclasses: 2\n", {"losses": ("svm",), "batch_sizes": (3,), "classes": (2,)}),
        ("scores: {distribution: uniform}", {"scores": (Uniform(),)}),
        ("scores: [normal, 'normal(0, 0.001)', 'uniform(0, 2.5)']",
         {"scores": (Normal(), Normal(scale=0.001), Uniform(low=0, high=2.5))}),
        ("scores: [integers(-1), 'student-t(3)']", {"scores": (Integers(low=-1), StudentT(df=3))}),
    ],
)  # fmt: skip
def test_an_alias_is_what_it_stands_for_a_lone_value_a_list_of_one_and_text_a_kind_of_scores(text, keys):
    config = loaded(text)
    assert {key: getattr(config, key) for key in keys} == keys


def test_python_takes_lists_lone_values_texts_numpy_numbers_and_kinds_of_scores_and_labels():
    config = Config(batch_sizes=[3], classes=range(2, 4), scores="normal", seed=np.int64(7), rtol=np.float64(1e-9))
    assert (config.batch_sizes, config.classes, config.seed, config.rtol) == ((3,), (2, 3), 7, 1e-9)
    assert (config.scores, type(config.seed)) == ((Normal(),), int)
    config = Config(scores=[Normal(scale=2), "uniform"], labels=Labels(kind="real"))
    assert (config.scores, config.labels) == ((Normal(scale=2.0), Uniform()), Labels(kind="real"))
    assert type(config.scores[0].scale) is float


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"batch_size": [3]}, "batch_size: unknown key\ndid you mean batch_sizes?"),
        ({"batch_sizes": [1, np.float32(2)]}, "batch_sizes[1]: should be a whole number; got np.float32"),
        ({"scores": [Normal(), Normal(scale=-1)]}, "scores[1].scale: should be greater than 0; got -1"),
        ({"labels": Labels(kind="rael")}, "labels.kind: should be 'class', 'one-hot'"),
    ],
)
def test_mistakes_in_python_get_the_same_messages(keys, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        Config(**keys)


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
    batch_sizes=sizes,
    scores=st.lists(kinds, min_size=1, max_size=4),
    labels=st.builds(Labels, ignored=st.floats(0, 1)),
    inputs=st.dictionaries(st.sampled_from(["W", "params.b"]), st.sampled_from([0.1, "[N, D]", {"V": "normal [4]"}])),
    sizes=st.dictionaries(st.sampled_from("DHM"), st.integers(1, 9)),
    wrt=st.sampled_from([(), "W", ["W", "b"]]),
    rtol=st.floats(0, 1, exclude_min=True, exclude_max=True),
)


@given(configs)
@settings(max_examples=60, deadline=None)
def test_a_config_is_the_same_after_json_and_can_be_copied_and_pickled(config):
    assert json.loads(json.dumps(config.as_data())) == config.as_data()
    again = Config(**config.as_data())
    assert again == config == pickle.loads(pickle.dumps(config)) == copy.deepcopy(config)


@given(kinds)
@example(Normal(loc=-0.0))
@settings(max_examples=200, deadline=None)
def test_a_distribution_reads_back_what_describe_writes(kind):
    assert Config(scores=kind.describe()).scores == (kind,)


VALID = [
    {},
    {"losses": "svm", "batch_sizes": 3, "scores": "normal(0, 0.001)"},
    {"losses": ["svm"], "classes": [1, 2], "scores": ["normal", {"distribution": "integers", "low": 0}]},
    {"labels": {"kind": "one-hot"}, "plan": "rows", "rtol": 1e-9, "atol": 0, "dtype": "float32"},
    {"inputs": {"W": "normal(0, 0.1) [D, C]", "reg": 0.1}, "sizes": {"D": 3}, "wrt": "W", "gradient": None},
    {"backward": "affine_backward", "only": "params.W*", "reseed": True},
]
INVALID = [
    {"sizes": {"D": 0}}, {"reseed": "yes"}, {"batchsizes": 3}, {"batch_sizes": []}, {"batch_sizes": [0]},
    {"rtol": "small"}, {"dtype": "float16"}, {"scores": {"distribution": "normal", "scale": -1}},
    {"labels": {"kind": "classes"}}, {"plan": "best"},
]  # fmt: skip


@pytest.mark.parametrize("data", [*VALID, *INVALID], ids=str)
def test_the_schema_takes_and_refuses_what_gradcheck_does(data):
    with nullcontext() if data in VALID else pytest.raises(ConfigError):
        Config(**data)
    with nullcontext() if data in VALID else pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(json_schema()))


def test_the_schema_is_valid_and_its_defaults_are_the_configurations():
    schema = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {key: part["default"] for key, part in schema["properties"].items()}
    assert Config(**defaults) == Config()
    assert all("description" in part for part in schema["properties"].values())
    assert list(yaml.safe_load((CONFIGS / "default.yaml").read_text())) == list(defaults)
    for path in CONFIGS.glob("*.yaml"):
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r'"\e[31m": "\a"', r"\x1b[31m: unknown key"),
        ("batch_size: 3", "gradcheck.yaml:1: batch_size: unknown key\ndid you mean batch_sizes?"),
        ("seed: 1\n\nRTOL: 1", "gradcheck.yaml:3: RTOL: unknown key\ndid you mean rtol?"),
        ("zzz: 1", "gradcheck.yaml:1: zzz: unknown key\nthe keys here are losses, seed, trials,"),
        ("labels:\n  knd: class", "gradcheck.yaml:2: labels.knd: unknown key\ndid you mean kind?"),
        ("scores:\n  - distribution: normal\n    scal: 1", ":3: scores[0].scal: unknown key\ndid you mean scale?"),
        ("seed: true", "gradcheck.yaml:1: seed: should be a whole number; got True"),
        ('seed: "3"', "seed: should be a whole number; got '3'"),
        ("seed: 9223372036854775808", "seed: should be less than 9223372036854775808"),
        ("rtol: 0", "rtol: should be greater than 0; got 0"),
        ("rtol: .nan", "rtol: should be a number; got '.nan'"),
        ("atol: 1e999", "atol: should be a number, not infinite"),
        ("batch_sizes:\n  - 1\n  - 0", "gradcheck.yaml:3: batch_sizes[1]: should be at least 1; got 0"),
        ("classes: []", "classes: should have at least 1 item; got []"),
        ("batch_sizes:", "batch_sizes: should be a list; got None"),
        ("batch_sizes: 100000000", "batch_sizes, classes: 100,000,000 x 5 are more than 134,217,728 scores"),
        ("losses: [svm, 3]", "losses[1]: should be a text; got 3"),
        ("losses: ['']", "losses[0]: String should have at least 1 character"),
        ("dtype: float16", "dtype: should be 'float64' or 'float32'; got 'float16'\ndid you mean float64?"),
        ("labels: one-hot", "labels: should be a mapping of keys to values; got 'one-hot'"),
        ("scores: [{scale: 1}]", "scores[0]: should name its distribution"),
        ("scores: norml", "scores: the distribution 'norml' is none of 'normal', 'integers', 'uniform', 'student-t'"),
        ("scores: 'normal(1, 2, 3)'", "scores: normal takes at most 2 numbers, normal(loc, scale)"),
        ("scores: 'normal(0'", 'scores: must be written as "normal" or "normal(0, 0.001)"'),
        ("scores: [normal, 'normal(0, -1)']", "scores[1].scale: should be greater than 0; got -1"),
        ("scores: integers(3, 2)", "scores: low must be at most high; got 'integers(3, 2)'"),
        ("inputs: {x: 'integers(3, 1) [N]'}", "inputs.x: integers: low must be at most high"),
        ("inputs: {x: 'student-t(-1) [N]'}", "inputs.x: student-t (df): should be greater than 0"),
        ("- 1", "gradcheck.yaml: does not hold keys with values"),
        ("seed: 1\nseed: 2", "gradcheck.yaml:2:1: seed: is given twice, here and on line 1"),
        ("seed: [1", "gradcheck.yaml:1:9: while parsing a flow sequence expected ',' or ']'"),
        ("seed: 1\nrtol: a: b", "gradcheck.yaml:2:8: mapping values are not allowed here"),
        ("seed: !!python/object/apply:os.getpid []", "gradcheck.yaml:1: seed: should be a whole number; got []"),
        ("losses: &a [*a]", "gradcheck.yaml: is nested too deeply"),
        ("{[1]: 2}", "gradcheck.yaml:1:2: a key must be a word"),
        ("seed: 1\n--- \nseed: 2", "gradcheck.yaml:2:1: expected a single document"),
        ("seed: 1\nx: \0", "gradcheck.yaml: is nested too deeply, or holds a character that YAML does not allow"),
        (b"seed: 1\nlosses: \xe9", "gradcheck.yaml:2: is not UTF-8"),
        ("seed: 1".encode("utf-16"), "gradcheck.yaml:1: is not UTF-8"),
        (r'a: "\UFFFFFFFF"', "holds a character that YAML does not allow"),
        (r'a: "\ud800"', "holds a character that YAML does not allow"),
        ("[" * 50_000, "gradcheck.yaml: is nested too deeply"),
        ("rtol: " + "9" * 10_000, "gradcheck.yaml:1: rtol: should be a number, not infinite"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(text, message):
    said = refused(text)
    assert message in said
    assert not any(word in said for word in ("pydantic", "http", "\x1b"))
    assert len(said) < 400


def test_all_mistakes_are_reported_together():
    said = refused("rtol: 2\nscore: normal\nseed: -1\nclasses: [0, 2, 0]\n").splitlines()
    assert sorted(line.split(": ")[0] for line in said) == [f"gradcheck.yaml:{line}" for line in (1, 2, 3, 4, 4)]
    assert "gradcheck.yaml:2: score: unknown key; did you mean scores?" in said


@pytest.mark.parametrize(
    ("text", "sets", "options", "keys"),
    [
        # Options win over the file, and none or an empty list is as good as not given.
        ("seed: 1\nrtol: 1e-9\nclasses: 7", [], {"seed": 5, "rtol": None, "batch_sizes": [2], "classes": []},
         {"seed": 5, "rtol": 1e-9, "batch_sizes": (2,), "classes": (7,)}),
        # --set reads its value as YAML, comes after the options, and the last of a key wins.
        ("", ["batch_sizes=[1, 2]", "rtol=1e-9", "losses=svm"], {},
         {"batch_sizes": (1, 2), "rtol": 1e-9, "losses": ("svm",)}),
        ("", ["seed=1", "seed=2"], {"seed": 9}, {"seed": 2}),
        ("", ["labels={kind: real}"], {}, {"labels": Labels(kind="real")}),
        ("", ["labels.kind=real", "labels={kind: class}", "labels.kind=one-hot"], {},
         {"labels": Labels(kind="one-hot")}),
        # A part leaves the other parts, and one kind of several goes by its number.
        ("labels: {distribution: skewed}", ["labels.kind=one-hot"], {},
         {"labels": Labels(kind="one-hot", distribution="skewed")}),
        ("labels:", ["labels.kind=real"], {}, {"labels": Labels(kind="real")}),
        ("", ["inputs.params.W=1"], {}, {"inputs": {"params": {"W": 1}}}),
        ("", ["scores.0.scale=0.5", "scores.1.high=7"], {}, {"scores": (Normal(scale=0.5), Integers(high=7))}),
    ],
)  # fmt: skip
def test_set_wins_over_options_and_those_over_the_file(text, sets, options, keys):
    config = loaded(text, *sets, **options)
    assert {key: getattr(config, key) for key in keys} == keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scores.0.scale=-1", "--set scores.0.scale=-1: should be greater than 0; got -1"),
        ("batch_size=1", "--set batch_size=1: unknown key\ndid you mean batch_sizes?"),
        ("labels.kin=real", "--set labels.kin=real: unknown key\ndid you mean kind?"),
        ("labels={kin: real}", "--set labels={kin: real}: kin: unknown key\ndid you mean kind?"),
        ("seed=abc", "--set seed=abc: should be a whole number; got 'abc'"),
        ("seed.x=1", "--set seed.x=1: seed has no x"),
        ("batch_sizes=[]", "--set batch_sizes=[]: should have at least 1 item"),
        ("seed", "--set seed: must be key=value\nfor example --set rtol=1e-8"),
        ("=1", "--set =1: must be key=value"),
        ("a..b=1", "--set a..b=1: must be key=value"),
        ("seed=[1", "--set seed=[1: while parsing a flow sequence"),
        ("seed=*a", "--set seed=*a: found undefined alias 'a'"),
        ("scores.scale=1", "scores.scale=1: scores has no scale\nchoose one by its number, for example scores.0.scale"),
        ("\x1b[31m=1", r"--set \x1b[31m=1: unknown key"),
        ("seed=\udcff", r"--set seed=\udcff: is nested too deeply, or holds a character that YAML does not allow"),
    ],
)
def test_a_mistake_in_set_names_the_option(text, message):
    said = refused("", text)
    assert said.startswith("--set ")
    assert message in said


def test_a_mistake_in_an_option_names_the_option_and_not_the_file():
    said = refused("seed: 1\nbatch_sizes: [1]", batch_sizes=[0])
    assert said == "--batch-size: should be at least 1; got 0"
    assert refused("seed: 1", seed=-1) == "--seed: should be at least 0; got -1"
    assert refused("", scores=["normal(0, -1)"]) == "--scores: scale: should be greater than 0; got -1"
    assert refused("rtol: 2", seed=1).startswith("gradcheck.yaml:1: rtol")


keys = st.sampled_from([*Config().as_data(), "distribution", "low", "scale", "kind", "<<", "0", "x"])
words = ["normal", "normal(0, 1)", "integers(5)", "class", "uniform", "{a: 1}", "{", "normal([)"]
numbers = st.booleans() | st.integers() | st.just(10**400) | st.floats()
leaves = st.none() | numbers | st.text(max_size=8) | st.sampled_from(words)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))
yaml_like = st.text(st.sampled_from(list("a: -[]{},\n\t'\"#&*!|>%@`?~1.e+_\\U0x<=\x00\x85\ud7ff")), max_size=40)


def survives(text):
    """Either a Config or a ConfigError whose every line can be printed."""
    try:
        assert isinstance(loaded(text), Config)
    except ConfigError as error:
        said = str(error)
        assert said
        assert said.replace("\n", "").isprintable()


@given(st.binary(max_size=60) | yaml_like.map(str.encode))
@settings(max_examples=400, deadline=None)
def test_no_bytes_of_a_file_raise_anything_but_a_config_error(content):
    survives(content)


@given(st.dictionaries(keys, trees, max_size=5))
@settings(max_examples=150, deadline=None)
def test_no_tree_of_values_raises_anything_but_a_config_error(tree):
    survives(yaml.safe_dump(tree))
    survives(yaml.safe_dump(tree, default_flow_style=True, allow_unicode=True))
    for keys in (tree, {"scores": str(tree)}):
        with suppress(ConfigError):
            Config(**keys)
