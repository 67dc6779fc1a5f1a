"""Reward against KL on a few answers, used by hand: every number equals PyTorch's."""

import pytest
import torch
from figures import (
    at_widths,
    close,
    fill,
    fits_and_axe_finds_nothing,
    narrower,
    press,
    read,
    refuses,
    show,
    show_wordless,
    words,
)

pytestmark = pytest.mark.browser

CHANCES = torch.tensor([0.30, 0.25, 0.20, 0.12, 0.08, 0.05], dtype=torch.float64)
REWARDS = [0.5, 0.0, 0.5, 0.0, 1.0, 1.0]
NAMES = ("cdedc", "ccdef", "edcde", "agfed", "cfcfc", "fagaf")


def settings_of(page):
    """Penalty and reward of the selected answer, as sliders and fields show them."""
    found = []
    for name in ("penalty β", "its reward"):
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return found


def check_policy(page, rewards):
    """Bars and result against the optimum of mean reward less penalty times drift."""
    beta = settings_of(page)[0]
    rewards = torch.tensor(rewards, dtype=torch.float64)
    policy = torch.distributions.Categorical(logits=CHANCES.log() + rewards / beta)
    start = torch.distributions.Categorical(CHANCES)
    close(read(page, "best")[0], policy.probs)
    close(read(page, "start")[0], CHANCES)
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    kl = torch.distributions.kl_divergence(policy, start).item()
    z = (CHANCES * (rewards / beta).exp()).sum().item()
    assert float(data["value"]) == pytest.approx((policy.probs * rewards).sum().item(), abs=1e-9)
    assert float(data["before"]) == pytest.approx((CHANCES * rewards).sum().item(), abs=1e-9)
    assert float(data["kl"]) == pytest.approx(kl, abs=1e-9)
    assert float(data["z"]) == pytest.approx(z)
    accepted = (CHANCES * ((rewards - rewards.max()) / beta).exp()).sum().item()
    assert float(data["tries"]) == pytest.approx(1 / accepted)
    gain = float(data["value"]) - beta * kl
    assert gain == pytest.approx(beta * torch.tensor(z).log().item(), abs=1e-5)
    return float(data["value"])


def test_kl_reward_at_many_settings(open_page):
    page = show(open_page, "kl-reward")
    rewards, seen = list(REWARDS), set()
    check_policy(page, rewards)
    for answer, reward, beta in (
        (0, 1, 0.5), (5, -1, 0.5), (2, 0.35, 0.05), (4, 0, 2), (1, 0.95, 0.1), (3, -0.6, 1.25),
    ):  # fmt: skip
        page.get_by_role("button", name=NAMES[answer], exact=True).click()
        assert settings_of(page)[1] == rewards[answer]
        fill(page, "its reward, typed", reward)
        fill(page, "penalty β, typed", beta)
        rewards[answer] = reward
        assert settings_of(page) == [beta, reward]
        seen.add(round(check_policy(page, rewards), 6))
    assert len(seen) == 6


def test_kl_reward_with_equal_rewards_does_not_move(open_page):
    page = show(open_page, "kl-reward")
    for name in NAMES:
        page.get_by_role("button", name=name, exact=True).click()
        fill(page, "its reward, typed", 0.5)
    check_policy(page, [0.5] * 6)
    assert float(page.locator(".lf-result").get_attribute("data-kl")) == pytest.approx(0, abs=1e-12)


def test_kl_reward_by_keyboard_alone(open_page):
    page = show(open_page, "kl-reward")
    for name, keys in (
        ("its reward", ["ArrowLeft"] * 2),
        ("penalty β", ["Home", "ArrowRight"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == [0.1, 0.9]
    check_policy(page, [*REWARDS[:5], 0.9])
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press(page, "Reset")
    assert settings_of(page) == [0.5, 1]
    check_policy(page, REWARDS)


def test_kl_reward_bad_numbers_say_so(open_page):
    page = show(open_page, "kl-reward")
    for name, text, message in (
        ("penalty β", "0", "from 0.05 to 2"),
        ("its reward", "1.5", "from -1 to 1"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_policy(page, REWARDS)


@at_widths
def test_kl_reward_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "kl-reward", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_kl_reward_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "kl-reward", width=900))


def test_kl_reward_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, save the answers' names."""
    page = show_wordless(open_page, "kl-reward")
    assert words(page) - set(NAMES) == set()
