// The people: customers, agents and admins.
import { m } from "../../shared/messages";
import { directory, findOrganizations, findStaff } from "../base/directory.svelte";
import type { Field, Values } from "../base/field";
import { mutate, run } from "../base/request";
import type { Action, Section } from "../base/section";
import { idOf, textOrNull } from "../base/values";
import { choicesOf, ROLES } from "../base/words";
import PersonAccess from "../panels/PersonAccess.svelte";
import * as documents from "./people-documents";
import type { Person } from "./people-documents";

const isStaff = ({ role }: Values): boolean => role !== "CUSTOMER";
/** An invitation has no place for what the person can add later. */
const isNotInvited = ({ invites }: Values): boolean => !invites;

const FIELDS: readonly Field[] = [
  { kind: "text", name: "displayName", label: m.admin_name, isRequired: true },
  { kind: "text", type: "email", name: "email", label: m.admin_email, isRequired: true },
  {
    kind: "select",
    name: "role",
    label: m.admin_role,
    hint: m.admin_role_hint,
    isRequired: true,
    choices: () => choicesOf(ROLES),
  },
  {
    kind: "many",
    name: "teams",
    label: m.admin_teams,
    none: m.admin_no_teams,
    choices: () => directory.teams,
    isShown: isStaff,
  },
  { kind: "lookup", name: "organizationId", label: m.admin_organization, find: findOrganizations },
  {
    kind: "text",
    name: "externalId",
    label: m.admin_external_id,
    hint: m.admin_external_id_hint,
    isShown: isNotInvited,
  },
  { kind: "text", name: "locale", label: m.admin_language, hint: m.admin_language_hint, isShown: isNotInvited },
  { kind: "text", name: "timeZone", label: m.admin_time_zone, hint: m.admin_time_zone_hint, isShown: isNotInvited },
  { kind: "check", name: "invites", label: m.admin_invite, hint: m.admin_invite_hint, isNewOnly: true },
];

function referTo({ id, version }: Person): { userId: string; expectedVersion: number } {
  return { userId: id, expectedVersion: version };
}

function actionsOf(person: Person): readonly Action<Person>[] {
  const name = person.displayName;
  if (!person.active) {
    return [{ label: m.admin_reactivate(), question: null, run: () => mutate(documents.REACTIVATE, referTo(person)) }];
  }
  const isCustomer = person.role === "CUSTOMER";
  const actions: Action<Person>[] = [];
  if (!isCustomer) {
    actions.push({
      label: person.present ? m.admin_make_unavailable() : m.admin_make_available(),
      question: null,
      run: () => mutate(documents.SET_AVAILABILITY, { userId: person.id, present: !person.present }),
    });
  }
  if (!person.hasPassword) {
    actions.push({
      label: m.admin_send_invitation(),
      question: {
        title: m.admin_send_invitation_title({ name }),
        text: m.admin_send_invitation_text({ email: person.email ?? "" }),
        confirm: m.admin_send_invitation(),
      },
      run: () => mutate(documents.SEND_INVITATION, { userId: person.id }),
    });
  }
  if (person.hasSecondFactor) {
    actions.push({
      label: m.admin_reset_factor(),
      question: { title: m.admin_reset_factor_title({ name }), text: m.admin_reset_factor_text(), confirm: m.admin_reset_factor() },
      field: { kind: "text", name: "code", label: m.admin_reset_factor_code },
      run: (value) => mutate(documents.RESET_SECOND_FACTOR, { userId: person.id, code: textOrNull(value) }),
    });
  }
  const field: Field = {
    kind: "lookup",
    name: "reassignTo",
    label: m.admin_reassign_to,
    hint: m.admin_reassign_to_hint,
    find: findStaff,
  };
  actions.push({
    label: m.admin_deactivate(),
    question: { title: m.admin_deactivate_title({ name }), text: m.admin_deactivate_text(), confirm: m.admin_deactivate() },
    ...(isCustomer ? {} : { field }),
    run: (value) =>
      mutate(documents.DEACTIVATE, { ...referTo(person), ...(isCustomer ? {} : { reassignTo: idOf(value) }) }),
  });
  return actions;
}

export const SECTION: Section<Person> = {
  id: "people",
  title: m.admin_people,
  hint: m.admin_people_hint,
  newTitle: m.admin_new_person,
  hasArchived: true,
  columns: [
    { label: m.admin_email, isWide: true, text: (row) => row.email ?? "" },
    { label: m.admin_role, text: (row) => ROLES[row.role]() },
    { label: m.admin_teams, text: (row) => row.teams.map((each) => each.name).join(", ") },
    { label: m.admin_organization, text: (row) => row.organization?.name ?? "" },
  ],
  nameOf: (row) => row.displayName,
  async load({ search, includeArchived, after }) {
    const variables = { search: textOrNull(search), active: includeArchived ? null : true, after };
    const { nodes, pageInfo } = (await run(documents.PEOPLE, variables)).users;
    return { rows: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  },
  async find(id) {
    const { node } = await run(documents.PERSON_BY_ID, { id });
    return node?.__typename === "User" ? node : null;
  },
  fields: FIELDS,
  blank: () => ({
    displayName: "",
    email: "",
    role: "AGENT",
    teams: [],
    organizationId: null,
    externalId: "",
    locale: "",
    timeZone: "",
    invites: true,
  }),
  read: ({ displayName, email, role, teams, organization, externalId, locale, timeZone }) => ({
    displayName,
    email: email ?? "",
    role,
    teams: teams.map((each) => each.slug),
    organizationId: organization === null ? null : { id: organization.id, label: organization.name },
    externalId: externalId ?? "",
    locale: locale ?? "",
    timeZone: timeZone ?? "",
  }),
  toInput: (values) => ({
    displayName: values.displayName,
    email: values.email,
    role: values.role,
    teams: isStaff(values) ? values.teams : [],
    organizationId: idOf(values.organizationId),
    externalId: textOrNull(values.externalId),
    locale: textOrNull(values.locale),
    timeZone: textOrNull(values.timeZone),
  }),
  create({ externalId, locale, timeZone, ...input }, { invites }) {
    return invites ? mutate(documents.INVITE, input) : mutate(documents.CREATE, { ...input, externalId, locale, timeZone });
  },
  change: (row, changes) => mutate(documents.UPDATE, { ...referTo(row), ...changes }),
  question(row, { role }) {
    if (role === row.role) return null;
    const name = row.displayName;
    const title = m.admin_role_title({ name, role: ROLES[role as Person["role"]]() });
    const text =
      row.role === "CUSTOMER"
        ? m.admin_promote_text()
        : role === "CUSTOMER"
          ? m.admin_demote_text()
          : role === "ADMIN"
            ? m.admin_make_admin_text()
            : m.admin_make_agent_text();
    return { title, text, confirm: m.admin_save() };
  },
  actions: actionsOf,
  panels: PersonAccess,
};
