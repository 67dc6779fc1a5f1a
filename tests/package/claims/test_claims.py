"""A claim on a page, and the machinery attacked: planted false claims must not be held."""

import json

import planted
import pytest
import torch

from bigmodel_utils import cards, claims

TWO = ["treatment", "control"]


@pytest.fixture(autouse=True)
def beside_the_page(tmp_path, monkeypatch):
    """Every test has a folder of its own, where a record may stand."""
    monkeypatch.chdir(tmp_path)


def scores_of(run, arms=TWO, **options):
    """Run an experiment and stress it; the record stands beside the page."""
    name = run.__name__
    scores = claims.experiment(name, run, arms, progress=False, **options)
    planted.store(claims.stress(scores.experiment, disguised=claims.plain(scores.experiment)))
    return scores


def verdict_of(scores, control="control", **options):
    """The verdict of a claim that the treatment is better, whichever it is."""
    options = {"more_than": 0.02} | options
    for verdict in ("held", "refuted", "undecided"):
        try:
            return claims.claim(
                "a", "It is.", scores, "treatment", control=control, verdict=verdict, **options
            )
        except AssertionError:
            continue
    raise AssertionError("no verdict fits")


def test_a_true_claim_holds():
    found = verdict_of(scores_of(planted.real))
    assert found.verdict == "held"
    assert [t.name for t in found.trials] == ["page", "seeds", "budget", "disguise"]
    assert [t.seeds for t in found.trials] == [5, 10, 10, 5]
    assert found.rates == ["held"] * 3
    assert found.trials[0].effect == pytest.approx(0.1, abs=0.03)


def test_a_noise_effect_does_not_hold():
    assert verdict_of(scores_of(planted.null)).verdict != "held"
    assert verdict_of(scores_of(planted.null), more_than=0.05).verdict == "refuted"


def test_a_control_with_a_bad_rate_does_not_hold():
    arms = {"treatment": "treatment", "control": "handicapped"}
    scores = scores_of(planted.tuned, arms)
    page = claims.judge((scores["treatment"] - scores["control"]).tolist(), more_than=0.02)
    assert page.verdict == "held", "the page alone is taken in"
    found = verdict_of(scores)
    assert found.verdict == "refuted"
    record = claims.read("tuned")
    assert record["trials"]["seeds"]["rates"]["control"] == pytest.approx(9.0)


def test_a_head_start_does_not_hold():
    found = verdict_of(scores_of(planted.early))
    assert [t.verdict for t in found.trials] == ["held", "held", "refuted", "held"]
    assert found.verdict == "refuted"


def test_lucky_seeds_do_not_hold():
    found = verdict_of(scores_of(planted.lucky))
    assert found.trials[0].verdict == "held" and found.verdict == "refuted"


def test_a_control_that_cannot_fail_does_not_hold():
    found = verdict_of(scores_of(planted.deaf))
    assert found.verdict == "undecided"
    assert "could not refute" in found.doubt


def test_a_control_that_is_seen_to_succeed_elsewhere_counts():
    scores = scores_of(planted.deaf)
    assert verdict_of(scores, can_succeed="treatment").verdict == "held"


def parts(repeated=0):
    train, test = planted.classes(120, 1), planted.classes(60, 2)
    if repeated:
        train = torch.cat([train[0], test[0][:repeated]]), torch.cat([train[1], test[1][:repeated]])
    return {"train": train, "validation": planted.classes(60, 3), "test": test}


ARMS = {"treatment": "neighbour", "control": "guess"}


def test_without_a_leak_the_claim_holds():
    scores = scores_of(planted.honest, ARMS, parts=parts())
    assert not claims.read("honest")["leak"]["found"]
    found = verdict_of(scores)
    assert found.verdict == "held"
    assert found.test_seen == 2 * 5 + 2 * 10 + 2 * 5


@pytest.mark.parametrize("run", [planted.leaking])
def test_a_leak_of_the_test_part_does_not_hold(run):
    scores = scores_of(run, ARMS, parts=parts())
    found = verdict_of(scores)
    assert found.verdict == "undecided" and "test part" in found.doubt
    assert claims.read("leaking")["leak"]["exchanged_targets"] > 0.6  # half of it is known by heart


def test_repeated_rows_do_not_hold():
    scores = scores_of(planted.honest, ARMS, parts=parts(repeated=3))
    assert claims.read("honest")["leak"]["rows_seen_before"] == 3
    assert verdict_of(scores).verdict == "undecided"


def test_a_verdict_that_is_not_the_stated_one_stops_the_page():
    scores = scores_of(planted.null)
    with pytest.raises(AssertionError, match="a: expected held, found"):
        claims.claim("a", "It is.", scores, "treatment", control="control", more_than=0.05)


def test_an_unstressed_claim_says_so_and_still_asserts():
    scores = claims.experiment("real", planted.real, TWO, progress=False)
    found = claims.claim("a", "It is.", scores, "treatment", control="control", more_than=0.02)
    assert len(found.trials) == 1 and "not stressed" in found.stress_text()
    with pytest.raises(AssertionError, match="expected held, found refuted"):
        claims.claim("a", "It is.", scores, "control", control="treatment", more_than=0.02)


def test_a_number_as_control_needs_a_reason():
    scores = claims.experiment("real", planted.real, TWO, progress=False)
    found = claims.claim(
        "a", "It is.", scores, "treatment", control=0.5, more_than=0.1, because="guessing"
    )
    assert found.control == "0.5 (guessing)"
    with pytest.raises(ValueError, match="because: expected the reason"):
        claims.claim("a", "It is.", scores, "treatment", control=0.5, more_than=0.1)


def quantities(arm, seed):
    return {"near": 0.9 + planted.noise(arm, seed, 0.01), "far": 0.5}


def side_by_side(arm, seeds, rate=1.0):
    assert list(seeds) in (list(range(5)), list(range(100, 110)))
    return [0.1 * seed + rate for seed in seeds]


def diverging(arm, seed, rate=1.0):
    return float("nan") if rate > 2 else rate + planted.noise(arm, seed, 0.01)


def test_several_quantities_are_asked_for_by_name():
    scores = claims.experiment("q", quantities, ["a", "b"], progress=False)
    assert scores["a", "far"].tolist() == [0.5] * 5
    assert "a, near: mean 0.9" in scores.describe()
    with pytest.raises(ValueError, match=r"arm: expected \('a', one of 'near', 'far'\)"):
        scores["a"]
    with pytest.raises(ValueError, match="quantity: expected one of"):
        scores["a", "nearer"]
    with pytest.raises(ValueError, match="arm: expected one of"):
        scores["c"]


def test_seeds_may_run_side_by_side():
    scores = claims.experiment("s", side_by_side, ["a"], progress=False)
    assert scores["a"].tolist() == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4])


def test_a_rate_that_diverges_is_not_chosen():
    scores = claims.experiment("d", diverging, TWO, progress=False)
    record = claims.stress(scores.experiment)
    assert record["trials"]["rate x 3"]["values"] == {"treatment": None, "control": None}
    assert record["trials"]["seeds"]["rates"]["treatment"] == 1.0
    planted.store(record)
    found = claims.claim(
        "a", "It is.", scores, "treatment", control=0.5, more_than=0.1, because="x"
    )
    assert found.rates == ["held", "refuted", "undecided"]


def test_bad_input_is_named():
    def run(arm, seed):
        return 1.0

    make = claims.experiment
    with pytest.raises(ValueError, match="name: expected lower-case words"):
        make("A b", run, TWO)
    with pytest.raises(TypeError, match="run: expected a function"):
        make("a", 1, TWO)
    with pytest.raises(ValueError, match="either seed or seeds"):
        make("a", lambda arm: 1.0, TWO)
    with pytest.raises(ValueError, match="few: expected the reason why there are 3 seeds"):
        make("a", run, TWO, seeds=3)
    with pytest.raises(ValueError, match="best: expected one of"):
        make("a", run, TWO, best="max")
    with pytest.raises(ValueError, match="parts: expected data if and only if"):
        make("a", run, TWO, parts=parts())
    with pytest.raises(TypeError, match="arms: expected names"):
        make("a", run, [1, 2])
    with pytest.raises(TypeError, match="one_rate: expected a text, got bool True"):
        make("a", run, TWO, one_rate=True)
    with pytest.raises(ValueError, match="one_rate: expected no reason where run takes rate"):
        make("a", lambda arm, seed, rate=1.0: rate, TWO, one_rate="so")
    with pytest.raises(FloatingPointError, match="'treatment', seed 0 is nan"):
        make("a", lambda arm, seed: float("nan"), TWO, progress=False)


def test_the_card_is_read_back_from_a_stored_page(tmp_path):
    found = verdict_of(scores_of(planted.real))
    html = found._repr_html_()
    assert "Held." in html and "<script" not in html
    cell = {"cell_type": "code", "source": "", "outputs": [{"data": {"text/html": html}}]}
    path = tmp_path / "page.ipynb"
    path.write_text(json.dumps({"cells": [cell]}))
    assert cards.read_page(path) == [found]
    table = cards.table({"page.ipynb": path})
    assert "[It is.](page.ipynb#claim-a)" in table and "10" not in table.splitlines()[1]


def test_a_card_says_that_no_learning_rate_was_varied_and_why():
    def fixed(arm, seed, budget=1.0):
        return planted.real(arm, seed)

    plain = verdict_of(scores_of(fixed))
    assert plain.stress_text().endswith("; no learning rate was varied")
    why = "one of three was best for every arm"
    told = verdict_of(scores_of(fixed, one_rate=why))
    assert told.stress_text().endswith(f"; no learning rate was varied: {why}")
    assert why in told._repr_html_() and told._replace(one_rate="") == plain
    assert "rate was varied" not in verdict_of(scores_of(planted.real)).stress_text()


def test_words_in_a_claim_cannot_break_out_of_the_card(tmp_path):
    scores = claims.experiment("real", planted.real, TWO, progress=False)
    sentence = "A \"<b>\" & 'quote' | bar"
    found = claims.claim("a", sentence, scores, "treatment", control="control", more_than=0.02)
    html = found._repr_html_()
    assert "<b>" not in html
    cell = {"cell_type": "code", "source": "", "outputs": [{"data": {"text/html": html}}]}
    path = tmp_path / "page.ipynb"
    path.write_text(json.dumps({"cells": [cell]}))
    assert cards.read_page(path)[0].sentence == sentence


def late(arm, seed, rate=1.0, budget=1.0):
    return (
        float("inf") if budget > 1 else 1.0 * (arm == "treatment") + planted.noise(arm, seed, 0.1)
    )


def test_a_trial_that_diverged_at_every_rate_decides_against_the_claim():
    found = verdict_of(scores_of(late))
    assert found.verdict == "undecided" and "diverged" in found.doubt


def test_an_error_that_is_no_divergence_is_not_swallowed():
    def broken(arm, seed, rate=1.0):
        if rate != 1.0:
            raise ValueError("rate: expected a finite number, got something else")
        return float(seed)

    scores = claims.experiment("b", broken, TWO, progress=False)
    with pytest.raises(ValueError, match="something else"):
        claims.stress(scores.experiment)
