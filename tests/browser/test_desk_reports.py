"""The page of reports: what it shows equals the API, also in the CSV file."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Request, Route, expect
from support import Client, Service, World
from support.accessibility import assert_accessible
from support.desk_page import open_desk

from models.people.team import Team
from models.people.user import Organization
from models.tickets.ticket import Ticket
from schema.scalars import parse_duration

PATH = "/desk/reports"
FORMULA = '=HYPERLINK("böse", 1)'
OVERFLOW = "document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth"
DURATIONS = ["firstResponse", "firstResponseWorkingTime", "resolution", "resolutionWorkingTime"]
ATTAINMENTS = ["firstResponseAttainment", "nextResponseAttainment", "resolutionAttainment"]
QUERY = """query($range: ReportRangeInput!, $by: TicketReportGroupBy) {
  ticketReport(range: $range, groupBy: $by) { groups { key label created ratings averageRating
    firstResponse { ...Times } firstResponseWorkingTime { ...Times }
    resolution { ...Times } resolutionWorkingTime { ...Times }
    firstResponseAttainment { met missed } nextResponseAttainment { met missed }
    resolutionAttainment { met missed } } } }
  fragment Times on ReportDurations { count median percentile90 }"""


def range_around(service: Service) -> dict[str, str]:
    today = service.clock().date()
    days = [today - timedelta(days=2), today + timedelta(days=2)]
    return {"firstDay": days[0].isoformat(), "lastDay": days[1].isoformat()}


async def handle_tickets(service: Service, ada: Client, cora: Client) -> list[str]:
    """Three tickets: one is resolved and rated, one is answered four times, one waits."""
    service.clock.stop()
    ids = [(await cora.raise_ticket(f"Ticket {each}"))["id"] for each in range(3)]
    service.clock.advance(minutes=10)
    await ada.do("replyToTicket", ticketId=ids[0], body="Hello")
    service.clock.advance(minutes=20)
    await ada.do("resolveTicket", ticketId=ids[0], resolution="Done")
    await cora.do("rateTicket", ticketId=ids[0], score=4)
    await ada.do("replyToTicket", ticketId=ids[1], body="Hello")
    for _ in range(3):
        await cora.do("replyToTicket", ticketId=ids[1], body="And now?")
        await ada.do("replyToTicket", ticketId=ids[1], body="Now it works.")
    return ids


async def download(page: Page) -> list[dict[str, str]]:
    region = page.get_by_role("region", name="Data by group")
    async with page.expect_download() as started:
        await region.get_by_role("button", name="Download CSV").click()
    path = await (await started.value).path()
    text = Path(path).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def expected_row(group: dict[str, Any]) -> dict[str, str]:
    """A group as the file has it, with all columns."""
    row = {"key": group["key"], "label": group["label"], "tickets": group["created"]}
    for name in DURATIONS:
        found = group[name]
        row |= {
            f"{name}Count": found["count"],
            f"{name}MedianSeconds": seconds_of(found["median"]),
            f"{name}Percentile90Seconds": seconds_of(found["percentile90"]),
        }
    for name in ATTAINMENTS:
        row |= {f"{name}Met": group[name]["met"], f"{name}Missed": group[name]["missed"]}
    average = group["averageRating"]
    row |= {"ratings": group["ratings"], "averageRating": "" if average is None else f"{average:g}"}
    return {name: str(value) for name, value in row.items()}


def seconds_of(duration: str | None) -> str:
    return "" if duration is None else f"{parse_duration(duration).total_seconds():.0f}"


async def test_a_report_is_read_and_its_csv_equals_the_api(
    page: Page, service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    await Organization.filter(name="Acme").update(name=FORMULA)
    days = range_around(service)
    await handle_tickets(service, ada, cora)
    await open_desk(page)
    address = f"{PATH}?from={days['firstDay']}&to={days['lastDay']}&by=ORGANIZATION&zone=UTC"
    await page.goto(address)
    main = page.get_by_role("main")
    await expect(main.get_by_role("definition")).to_have_text(
        ["3", "10 m", "100% (2 of 2)", "100% (3 of 3)", "30 m", "100% (1 of 1)", "4 (1)"]
    )
    bars = main.get_by_role("region", name="SLA targets that were met").get_by_role("listitem")
    await expect(bars).to_contain_text("Next response 100% (3 of 3)")
    table = main.get_by_role("region", name="Data by group").get_by_role("table")
    for name in ("First response", "Next response", "Resolution"):
        await expect(table.get_by_role("columnheader", name=name, exact=True)).to_have_count(1)
    row = table.get_by_role("row").last
    await expect(row).to_contain_text(FORMULA)
    await expect(row.get_by_role("cell")).to_have_text(
        [
            *["3", "10 m", "30 m", "100% (2 of 2)", "100% (3 of 3)"],
            *["30 m", "30 m", "100% (1 of 1)", "4 (1)"],
        ]
    )
    ratings = main.get_by_role("region", name="Average rating").get_by_role("listitem")
    await expect(ratings).to_have_text(re.compile(r"HYPERLINK.*4 \(1\)"))
    found = (await ada.run(QUERY, range=days, by="ORGANIZATION"))["ticketReport"]["groups"]
    (line,) = await download(page)
    # an apostrophe keeps spreadsheet programs from taking a name for a formula
    assert line == {**expected_row(found[0]), "label": f"'{FORMULA}"}
    assert (line["firstResponseMedianSeconds"], line["resolutionMedianSeconds"]) == ("600", "1800")

    volume = main.get_by_role("region", name="Volume").get_by_role("img")
    await expect(volume).to_have_attribute("aria-label", re.compile("3 together, at most 3"))
    await main.locator("summary").click()
    await expect(
        main.get_by_role("group", name="Data by day or week").get_by_role("row")
    ).to_have_count(7)
    for size in ({"width": 360, "height": 740}, {"width": 1280, "height": 800}):
        await page.set_viewport_size(size)  # pyright: ignore[reportArgumentType]
        await assert_accessible(page, f"report at {size['width']} px")
        assert await page.evaluate(OVERFLOW) <= 0


async def test_each_grouping_has_a_table_and_a_csv_that_equal_the_api(
    page: Page, service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    days = range_around(service)
    ids = await handle_tickets(service, ada, cora)
    await ada.do("assignTicket", ticketId=ids[1], assigneeId=world.bill.gid)
    await cora.raise_ticket("Invoice", category="billing")
    await open_desk(page)
    await page.goto(f"{PATH}?from={days['firstDay']}&to={days['lastDay']}&zone=UTC")
    main = page.get_by_role("main")
    names = main.get_by_role("region", name="Data by group").get_by_role("rowheader")
    for by in ("TEAM", "CATEGORY", "ASSIGNEE", "PRIORITY"):
        await main.get_by_role("combobox", name="Group by").select_option(by)
        found = (await ada.run(QUERY, range=days, by=by))["ticketReport"]["groups"]
        assert len(found) >= 2
        await expect(names).to_have_text([group["label"] for group in found])
        assert await download(page) == [expected_row(group) for group in found], by


async def test_the_volume_is_live_and_an_empty_report_says_what_to_do(
    page: Page, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await open_desk(page)
    await page.get_by_role("link", name="Reports").click()
    main = page.get_by_role("main")
    await expect(main).to_be_focused()
    await expect(main).to_contain_text("No ticket was created on these days.")
    await assert_accessible(page, "empty report")
    tickets = main.get_by_role("definition").first
    await expect(main.get_by_role("term").first).to_contain_text("Live")
    await cora.raise_ticket("Printer")
    await expect(tickets).to_have_text("1")
    await expect(main).to_contain_text("came after the report was read: 1")
    await main.get_by_role("button", name="Read again").press("Enter")
    await expect(main.get_by_role("region", name="Data by group").get_by_role("row")).to_have_count(
        3
    )
    await expect(main).not_to_contain_text("came after the report was read")
    await main.get_by_role("combobox", name="Team", exact=True).select_option("Billing")
    await expect(main).to_contain_text("No ticket was created on these days.")
    await expect(tickets).to_have_text("0")
    await page.go_back()
    await expect(tickets).to_have_text("1")


async def test_many_groups_and_long_names_fit_and_a_wrong_range_is_explained(
    page: Page, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    for number in range(14):
        ticket = await cora.raise_ticket()
        name = f"{number} Donaudampfschifffahrtsgesellschaft " + "x" * 80
        organization = await Organization.create(name=name)
        await Ticket.filter(number=ticket["number"]).update(organization_id=organization.id)
    await open_desk(page)
    await page.goto(f"{PATH}?days=7&by=ORGANIZATION")
    main = page.get_by_role("main")
    await expect(main.get_by_text("The table below has 2 more.")).to_be_visible()
    await expect(main.get_by_role("region", name="Data by group").get_by_role("row")).to_have_count(
        16
    )
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate(OVERFLOW) <= 0
    await assert_accessible(page, "many groups")
    await main.get_by_role("combobox", name="Days", exact=True).select_option("Other days")
    await main.get_by_label("First day").fill("2030-01-02")
    await main.get_by_label("First day").blur()
    await expect(main.get_by_role("alert")).to_contain_text("must not be after the last one")
    await main.get_by_label("First day").fill("2020-01-02")
    await main.get_by_label("First day").blur()
    await expect(main.get_by_role("alert")).to_contain_text("at most 400 days")
    await assert_accessible(page, "refused range")


async def test_the_report_of_a_single_ticket(page: Page, service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    service.clock.stop()
    ticket = (await cora.raise_ticket("Printer"))["id"]
    await open_desk(page)
    await page.goto(f"{PATH}?days=7")
    main = page.get_by_role("main")
    figures = main.get_by_role("definition")
    await expect(figures).to_have_text(["1", "–", "–", "–", "–", "–", "–"])
    volume = main.get_by_role("region", name="Volume").get_by_role("img")
    await expect(volume).to_have_attribute("aria-label", re.compile("1 together, at most 1 on"))
    bars = await volume.locator("rect").evaluate_all(
        "(bars) => bars.filter((bar) => bar.getBBox().height > 50).length"
    )
    assert bars == 1
    lines = main.get_by_role("region", name="First response").get_by_role("img")
    await expect(lines.locator("circle")).to_have_count(0)
    service.clock.advance(minutes=10)
    await ada.do("replyToTicket", ticketId=ticket, body="Hello")
    await main.get_by_role("button", name="Read again").click()
    await expect(figures).to_have_text(["1", "10 m", "100% (1 of 1)", "–", "–", "–", "–"])
    await expect(lines.locator("circle")).to_have_count(1)
    await assert_accessible(page, "report of a single ticket")


async def test_an_unknown_team_is_named_and_an_archived_one_can_be_chosen(
    page: Page, service: Service, world: World
) -> None:
    await service.client(world.cora.token).raise_ticket()
    await Team.filter(slug="sales").update(active=False)
    await open_desk(page)
    await page.goto(f"{PATH}?days=7&of-team=nowhere&of-category=nothing")
    main = page.get_by_role("main")
    notice = main.get_by_role("alert")
    await expect(notice).to_contain_text("There is no team “nowhere”.")
    team = main.get_by_role("combobox", name="Team", exact=True)
    await expect(team).to_have_value("nowhere")
    await expect(main.get_by_role("definition")).to_have_count(0)
    await assert_accessible(page, "unknown team")
    await notice.get_by_role("button", name="Show all teams").click()
    await expect(notice).to_contain_text("There is no category “nothing”.")
    await notice.get_by_role("button", name="Show all categories").click()
    await expect(notice).to_have_count(0)
    await expect(main.get_by_role("definition").first).to_have_text("1")
    await team.select_option("Sales (inactive)")
    await expect(main).to_contain_text("No ticket was created on these days.")


class Midnight:
    """Moves the clocks of a page, and of what the server tells it, to the next day."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.ahead = timedelta()
        self.ranges: list[tuple[str, str]] = []
        """The days of the reports that the page has asked for."""

    async def start(self) -> None:
        await self.page.clock.install()
        await self.page.route("**/graphql", self.fulfill)
        self.page.on("request", self.note)

    async def fulfill(self, route: Route) -> None:
        response = await route.fetch()
        date = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        headers = {"content-type": response.headers["content-type"], "date": date}
        await route.fulfill(response=response, headers=headers)

    def note(self, request: Request) -> None:
        data = json.loads(request.post_data or "{}") if request.method == "POST" else {}
        days = (data.get("variables") or {}).get("range")
        if days is not None:
            self.ranges.append((days["firstDay"], days["lastDay"]))

    async def pass_by(self) -> None:
        self.ahead = timedelta(days=1)
        await self.page.clock.fast_forward("24:00:00")


async def test_a_report_that_is_open_at_midnight(
    page: Page, service: Service, world: World
) -> None:
    await open_desk(page)
    midnight = Midnight(page)
    await midnight.start()
    main = page.get_by_role("main")
    status, live = main.get_by_role("status").first, main.get_by_role("term").first
    await page.goto(f"{PATH}?days=7&zone=UTC")
    await expect(live).to_contain_text("Live")
    first_day, today = (datetime.fromisoformat(day) for day in midnight.ranges[-1])
    before = await status.inner_text()
    await midnight.pass_by()
    await expect(status).to_contain_text("as of")
    await expect(status).not_to_contain_text(before.partition(", as of")[0])
    await expect(live).to_contain_text("Live")
    moved = [(day + timedelta(days=1)).date().isoformat() for day in (first_day, today)]
    assert midnight.ranges[-1] == tuple(moved)


async def test_days_that_were_chosen_stay_after_midnight(
    page: Page, service: Service, world: World
) -> None:
    await open_desk(page)
    midnight = Midnight(page)
    await midnight.start()
    main = page.get_by_role("main")
    live = main.get_by_role("term").first
    today = datetime.now(UTC).date()
    days = ((today - timedelta(days=6)).isoformat(), today.isoformat())
    await page.goto(f"{PATH}?from={days[0]}&to={days[1]}&zone=UTC")
    await expect(live).to_contain_text("Live")
    await midnight.pass_by()
    await expect(live).not_to_contain_text("Live")
    await expect(main.get_by_role("status").first).to_contain_text("as of")
    assert set(midnight.ranges) == {days}
