"""Learning-rate schedules: shapes, edges, and that a run can be extended."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas.train_config import ScheduleSettings
from gristmill.training.schedule import compute_rate, count_decay_steps


@st.composite
def schedules(draw: st.DrawFn) -> tuple[ScheduleSettings, int]:
    steps = draw(st.integers(1, 300))
    settings = ScheduleSettings(
        kind=draw(st.sampled_from(["wsd", "cosine"])),
        warmup_steps=draw(st.integers(0, steps)),
        decay_fraction=draw(st.floats(0, 1)),
        floor=draw(st.floats(0, 1)),
    )
    return settings, steps


def rates(settings: ScheduleSettings, steps: int, peak: float = 1.0) -> list[float]:
    return [compute_rate(step, steps=steps, peak=peak, schedule=settings) for step in range(steps)]


@given(schedules())
def test_rate_rises_then_never_rises_again(given_schedule: tuple[ScheduleSettings, int]) -> None:
    settings, steps = given_schedule
    found = rates(settings, steps)
    warmup = settings.warmup_steps
    assert all(0 < rate <= 1 for rate in found)
    assert found[:warmup] == sorted(found[:warmup])
    assert found[warmup:] == sorted(found[warmup:], reverse=True)
    assert all(rate >= settings.floor - 1e-12 for rate in found[warmup:])
    if warmup:
        assert found[warmup - 1] == 1
    elif steps:
        assert found[0] == 1


@given(schedules(), st.floats(1e-6, 10))
def test_rate_is_proportional_to_the_peak(
    given_schedule: tuple[ScheduleSettings, int], peak: float
) -> None:
    settings, steps = given_schedule
    for unit, scaled in zip(rates(settings, steps), rates(settings, steps, peak), strict=True):
        assert math.isclose(unit * peak, scaled, rel_tol=1e-12)


def test_wsd_by_hand() -> None:
    settings = ScheduleSettings(kind="wsd", warmup_steps=2, decay_fraction=0.4, floor=0.0)
    assert rates(settings, 10, peak=8.0) == [4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 6.0, 4.0, 2.0]


def test_cosine_by_hand() -> None:
    settings = ScheduleSettings(kind="cosine", warmup_steps=1, floor=0.5)
    expected = [1.0] + [0.5 + 0.5 * (1 + math.cos(math.pi * i / 4)) / 2 for i in range(4)]
    assert rates(settings, 5) == pytest.approx(expected)


@given(steps=st.integers(1, 200), more=st.integers(0, 200), fraction=st.floats(0, 1))
def test_a_longer_wsd_run_shares_its_stable_part(steps: int, more: int, fraction: float) -> None:
    settings = ScheduleSettings(kind="wsd", warmup_steps=0, decay_fraction=fraction)
    stable = steps - count_decay_steps(settings, steps)
    longer_stable = steps + more - count_decay_steps(settings, steps + more)
    shared = min(stable, longer_stable)
    assert rates(settings, steps)[:shared] == rates(settings, steps + more)[:shared]


@pytest.mark.parametrize("step", [-1, 10])
def test_steps_outside_the_run_are_refused(step: int) -> None:
    with pytest.raises(ValueError, match="not in a run of 10 steps"):
        compute_rate(step, steps=10, peak=1.0, schedule=ScheduleSettings(warmup_steps=0))
