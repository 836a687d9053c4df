"""Teams and categories by `search`, as pickers use it."""

from __future__ import annotations

import pytest
from support import Client, Refused, Service, World

from models.people.team import Category, Team

pytestmark = pytest.mark.without_default_policies

QUERY = """query($s: String, $i: Boolean) {
  teams(search: $s, includeInactive: $i) { slug }
  categories(search: $s, includeInactive: $i) { slug } }"""


@pytest.fixture
async def cora(service: Service, world: World) -> Client:
    """A customer, who picks a category of a new ticket."""
    team = await Team.create(slug="field-north", name="Außendienst Nord-Ost")
    await Team.create(slug="old", name="Außendienst Süd", active=False)
    await Category.create(slug="on-site", name="Vor Ort & Geräte", team=team)
    return service.client(world.cora.token)


async def find_slugs(client: Client, search: str | None, **more: object) -> list[str]:
    data = await client.run(QUERY, s=search, **more)
    return sorted(each["slug"] for each in [*data["teams"], *data["categories"]])


async def test_words_of_names_and_starts_of_slugs_are_found(cora: Client) -> None:
    everything = await find_slugs(cora, None)
    assert "field-north" in everything
    assert "old" not in everything
    assert await find_slugs(cora, "") == await find_slugs(cora, " ") == everything
    for search, expected in (
        ("aussen", ["field-north"]),
        ("AUßENDIENST no", ["field-north"]),
        ("ost", ["field-north"]),
        ("field-n", ["field-north"]),
        ("geraete", []),
        ("gerate", ["on-site"]),
        ("on-", ["on-site"]),
        ("dienst", []),
        ("%", []),
        ("' OR 1=1", []),
    ):
        assert await find_slugs(cora, search) == expected, search
    assert await find_slugs(cora, "aussen", i=True) == ["field-north", "old"]


async def test_a_search_that_cannot_be_stored_is_refused(cora: Client) -> None:
    with pytest.raises(Refused) as refused:
        await find_slugs(cora, "a\x00")
    assert refused.value.code == "BAD_REQUEST"
