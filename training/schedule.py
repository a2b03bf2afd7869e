"""Learning rate as a pure function of the step."""

import math

from gristmill.schemas.train_config import ScheduleSettings


def count_decay_steps(schedule: ScheduleSettings, steps: int) -> int:
    """Steps of the decay: a share of all for WSD, everything after warmup for cosine."""
    after_warmup = steps - schedule.warmup_steps
    if schedule.kind == "cosine":
        return after_warmup
    return min(after_warmup, round(schedule.decay_fraction * steps))


def compute_rate(step: int, *, steps: int, peak: float, schedule: ScheduleSettings) -> float:
    """Learning rate of one optimizer step.

    Warmup rises linearly and reaches the peak on its last step. WSD stays there
    and then falls linearly; cosine falls at once. The decay aims at
    ``floor * peak`` one step after the last, so that no step has rate zero.

    Args:
        step: 0-based, below `steps`.
        steps: of the whole run.
        peak: largest rate.
        schedule: kind, warmup, decay and floor.

    Raises:
        ValueError: step is outside the run.
    """
    if not 0 <= step < steps:
        raise ValueError(f"step {step} is not in a run of {steps} steps")
    if step < schedule.warmup_steps:
        return peak * (step + 1) / schedule.warmup_steps
    decay_steps = count_decay_steps(schedule, steps)
    into_decay = step - (steps - decay_steps)
    if into_decay < 0:
        return peak
    progress = into_decay / decay_steps
    if schedule.kind == "cosine":
        progress = (1 - math.cos(math.pi * progress)) / 2
    return peak * (1 - (1 - schedule.floor) * progress)
