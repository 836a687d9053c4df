"""Each attack of benchmarks/attacks on a real server: it is answered as it should be, and nobody else notices.

How long others wait is measured there, not here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.service import Process, start

from benchmarks.attacks.bystander import Bystander, Disturbed, watching
from benchmarks.attacks.ground import people
from benchmarks.attacks.table import ATTACKS, Attack
from benchmarks.attacks.target import Target
from models import database

pytestmark = pytest.mark.timeout(900)

NOTES = 24
PLACES = {(each.name, each.way): place for place, each in enumerate(ATTACKS)}


@dataclass
class Stage:
    process: Process
    targets: list[Target]
    """One for each attack."""
    bystander: Bystander


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred transactions at once may take a busy machine longer than the minute that the benchmark waits."""
    monkeypatch.setattr("benchmarks.attacks.target.PATIENCE_SECONDS", 400.0)
    monkeypatch.setattr("benchmarks.attacks.bystander.PATIENCE_SECONDS", 400.0)


@pytest.fixture(scope="module")
async def stage(template: str, copy: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("attacks")
    async with copy(template, folder) as url:
        await database.connect(url)
        try:
            ground = await people(len(ATTACKS))
        finally:
            await database.disconnect()
        # Without background jobs: the notifier would tell 200 agents of each of 300 new tickets, which takes a minute.
        process = await start(url, TICKETWIRE_RUN_JOBS="false")
        try:
            targets, bystander = await ground.targets(process.port, NOTES)
            yield Stage(process, targets, bystander)
        finally:
            process.kill()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: f"{each.name}, {each.way}")
async def test_an_attack_is_answered_and_does_not_disturb_other_clients(stage: Stage, attack: Attack) -> None:
    target = stage.targets[PLACES[attack.name, attack.way]]
    with watching(stage.bystander.again()):
        answers = await attack.act(target)
    assert answers
    assert attack.answers.issuperset(answers), set(answers) - attack.answers
    with watching(stage.bystander.again()):
        assert await target.post("{ viewer { role } }") in ("200", "429 RATE_LIMITED")
    assert stage.process.popen.poll() is None


async def test_attacks_have_unique_names_and_expect_no_server_error() -> None:
    assert len(PLACES) == len(ATTACKS)
    answers = {answer for each in ATTACKS for answer in each.answers}
    assert not [answer for answer in answers if answer.startswith("5") or "INTERNAL" in answer]


async def test_a_bystander_reports_wrong_and_missing_responses(stage: Stage) -> None:
    there = stage.bystander
    with pytest.raises(Disturbed), watching(Bystander(there.port, there.token, 0)):
        await stage.targets[0].post("{ viewer { role } }")
    with pytest.raises(Disturbed), watching(Bystander(there.port, "twk_unknown", there.number)):
        await stage.targets[0].post("{ viewer { role } }")
    with pytest.raises(Disturbed, match="refused"), watching(Bystander(1, there.token, there.number)):
        pass
