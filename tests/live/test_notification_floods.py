"""Repeated escalations of one ticket, on a real server with its background jobs."""

from __future__ import annotations

from support.service import start

from benchmarks.accounts import create_account, create_user
from benchmarks.attacks.escalations import ESCALATIONS, Effects, escalate_repeatedly, read_effects
from benchmarks.attacks.target import Target
from models import database
from models.people.team import Membership, Team
from models.people.user import Role

MEMBERS = 3


async def test_many_escalations_send_each_member_of_the_team_one_email_and_one_summary(
    url: str,
) -> None:
    await database.connect(url)
    try:
        team = await Team.get(slug="support")
        for index in range(MEMBERS):
            member = await create_user(f"Member {index}", Role.AGENT)
            await Membership.create(team_id=team.id, user_id=member.id)
        token = await create_account("Attacker")
        process = await start(url)
        try:
            responses = await escalate_repeatedly(Target(process.port, token, ""))
            assert responses == ["200"] * ESCALATIONS
            effects = await read_effects()
        finally:
            process.stop()
        # In the application: one of the escalations, and one of the path that they start.
        assert effects == [Effects(ESCALATIONS, 2 * MEMBERS, MEMBERS, MEMBERS, MEMBERS)]
    finally:
        await database.disconnect()
