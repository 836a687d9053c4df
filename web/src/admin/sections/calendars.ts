// The SLA calendars: the working time in which SLA clocks run.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { archiving, filterRows } from "../base/actions";
import type { Week } from "../base/field";
import { mutate, run } from "../base/request";
import type { Section } from "../base/section";

const CALENDAR = graphql(`
  fragment AdminCalendar on SlaCalendar { id name timeZone active version holidays week { start end } }
`);
const LIST = graphql(
  `
    query AdminCalendars($includeInactive: Boolean) {
      slaCalendars(includeInactive: $includeInactive) { ...AdminCalendar }
    }
  `,
  [CALENDAR],
);
const FIND = graphql(
  `
    query AdminCalendarById($id: ID!) { node(id: $id) { __typename ...AdminCalendar } }
  `,
  [CALENDAR],
);
const CREATE = graphql(
  `
    mutation AdminCreateCalendar($input: CreateSlaCalendarInput!) {
      result: createSlaCalendar(input: $input) {
        record: slaCalendar { ...AdminCalendar }
        userErrors { code message field }
      }
    }
  `,
  [CALENDAR],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateCalendar($input: UpdateSlaCalendarInput!) {
      result: updateSlaCalendar(input: $input) {
        record: slaCalendar { ...AdminCalendar }
        userErrors { code message field }
      }
    }
  `,
  [CALENDAR],
);
const ARCHIVE = graphql(
  `
    mutation AdminArchiveCalendar($input: ArchiveSlaCalendarInput!) {
      result: archiveSlaCalendar(input: $input) {
        record: slaCalendar { ...AdminCalendar }
        userErrors { code message field }
      }
    }
  `,
  [CALENDAR],
);

type Calendar = ResultOf<typeof CALENDAR>;

function referTo({ id, version }: Calendar): { calendarId: string; expectedVersion: number } {
  return { calendarId: id, expectedVersion: version };
}

function usualWeek(): Week {
  return Array.from({ length: 7 }, (_, day) => (day < 5 ? [{ start: "09:00", end: "17:00" }] : []));
}

export const SECTION: Section<Calendar> = {
  id: "calendars",
  title: m.admin_calendars,
  hint: m.admin_calendars_hint,
  newTitle: m.admin_new_calendar,
  hasArchived: true,
  columns: [
    { label: m.admin_time_zone, text: (row) => row.timeZone },
    { label: m.admin_holidays, text: (row) => String(row.holidays.length) },
  ],
  nameOf: (row) => row.name,
  async load(query) {
    const { slaCalendars } = await run(LIST, { includeInactive: query.includeArchived });
    return filterRows(slaCalendars, query, (row) => row.name);
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "SlaCalendar" ? node : null;
  },
  fields: [
    { kind: "text", name: "name", label: m.admin_name, isRequired: true },
    { kind: "text", name: "timeZone", label: m.admin_time_zone, hint: m.admin_time_zone_hint, isRequired: true },
    { kind: "week", name: "week", label: m.admin_week, hint: m.admin_week_hint },
    { kind: "lines", name: "holidays", label: m.admin_holidays, hint: m.admin_holidays_hint },
  ],
  blank: () => ({
    name: "",
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    week: usualWeek(),
    holidays: [],
  }),
  read: ({ name, timeZone, week, holidays }) => ({ name, timeZone, week, holidays }),
  toInput: ({ name, timeZone, week, holidays }) => ({
    name,
    timeZone,
    week: (week as Week).map((day) => day.map(({ start, end }) => ({ start, end }))),
    holidays: (holidays as string[]).map((each) => each.trim()).filter(Boolean),
  }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  actions: (row) =>
    archiving(row, {
      name: row.name,
      text: m.admin_archive_calendar(),
      archive: () => mutate(ARCHIVE, referTo(row)),
      restore: () => mutate(UPDATE, { ...referTo(row), active: true }),
    }),
};
