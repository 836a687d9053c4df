// Every command of the desk: its title, the group in which help lists it, and its keys at first,
// which may be none.
// Keys are in the notation of tinykeys. Signs may need Shift, depending on the keyboard.
import { m } from "../../shared/messages";

export interface CommandDefinition {
  readonly title: () => string;
  readonly group: keyof typeof GROUPS;
  readonly keys: readonly string[];
}

export const GROUPS = {
  page: m.shell_group_page,
  list: m.shell_group_list,
  ticket: m.shell_group_ticket,
} as const;

const DEFINITIONS = {
  palette: { title: m.shell_command_palette, group: "page", keys: ["$mod+k", "[Shift]+/"] },
  help: { title: m.shell_command_help, group: "page", keys: ["[Shift]+?"] },
  newTicket: { title: m.shell_command_new_ticket, group: "page", keys: ["c"] },
  openTickets: { title: m.shell_command_open_tickets, group: "page", keys: ["g i"] },
  notifications: { title: m.shell_command_notifications, group: "page", keys: ["g n"] },
  reports: { title: m.shell_reports, group: "page", keys: [] },
  webhooks: { title: m.shell_webhooks, group: "page", keys: [] },
  language: { title: m.shell_command_language, group: "page", keys: [] },
  wallScreens: { title: m.shell_command_wall_screens, group: "page", keys: [] },
  administration: { title: m.admin_title, group: "page", keys: [] },
  account: { title: m.account_title, group: "page", keys: [] },
  signOut: { title: m.shared_sign_out, group: "page", keys: [] },
  next: { title: m.shell_command_next, group: "list", keys: ["j"] },
  previous: { title: m.shell_command_previous, group: "list", keys: ["k"] },
  open: { title: m.shell_command_open, group: "list", keys: ["o"] },
  select: { title: m.shell_command_select, group: "list", keys: ["x"] },
  selectNext: { title: m.shell_command_select_next, group: "list", keys: ["Shift+j"] },
  selectPrevious: { title: m.shell_command_select_previous, group: "list", keys: ["Shift+k"] },
  selectRange: { title: m.shell_command_select_range, group: "list", keys: ["Shift+x"] },
  selectAll: { title: m.shell_command_select_all, group: "list", keys: ["Shift+a"] },
  filter: { title: m.shell_command_filter, group: "list", keys: ["f"] },
  showChanges: { title: m.shell_command_show_changes, group: "list", keys: ["[Shift]+."] },
  order: { title: m.shell_command_order, group: "list", keys: [] },
  columns: { title: m.queue_display, group: "list", keys: [] },
  compactRows: { title: m.queue_compact, group: "list", keys: [] },
  saveView: { title: m.queue_view_save, group: "list", keys: [] },
  updateView: { title: m.queue_view_update, group: "list", keys: [] },
  renameView: { title: m.queue_view_rename, group: "list", keys: [] },
  moveViewUp: { title: m.shell_command_view_up, group: "list", keys: [] },
  moveViewDown: { title: m.shell_command_view_down, group: "list", keys: [] },
  deleteView: { title: m.shell_command_view_delete, group: "list", keys: [] },
  removeTag: { title: m.shell_command_remove_tag, group: "list", keys: [] },
  cancelJob: { title: m.shell_command_cancel_job, group: "list", keys: [] },
  undoJob: { title: m.shell_command_undo_job, group: "list", keys: [] },
  back: { title: m.shell_command_back, group: "ticket", keys: ["Escape"] },
  reply: { title: m.shell_command_reply, group: "ticket", keys: ["r"] },
  note: { title: m.shell_command_note, group: "ticket", keys: ["n"] },
  macro: { title: m.shell_command_macro, group: "ticket", keys: ["m"] },
  take: { title: m.shell_command_take, group: "ticket", keys: ["i"] },
  resolve: { title: m.shell_command_resolve, group: "ticket", keys: ["e"] },
  status: { title: m.shell_command_status, group: "ticket", keys: ["s"] },
  assign: { title: m.shell_command_assign, group: "ticket", keys: ["a"] },
  team: { title: m.shell_command_team, group: "ticket", keys: ["t"] },
  priority: { title: m.shell_command_priority, group: "ticket", keys: ["p"] },
  tags: { title: m.shell_command_tags, group: "ticket", keys: ["l"] },
  category: { title: m.ticket_change_category, group: "ticket", keys: [] },
  attach: { title: m.files_attach, group: "ticket", keys: [] },
  sendAndWait: { title: m.composer_send_and_wait, group: "ticket", keys: [] },
  sendAndResolve: { title: m.composer_send_and_resolve, group: "ticket", keys: [] },
  sendAndHold: { title: m.composer_send_and_hold_until, group: "ticket", keys: [] },
  copyLink: { title: m.ticket_copy_link, group: "ticket", keys: [] },
  watch: { title: m.ticket_watch, group: "ticket", keys: [] },
  unwatch: { title: m.ticket_unwatch, group: "ticket", keys: [] },
  escalate: { title: m.ticket_escalate, group: "ticket", keys: [] },
  merge: { title: m.ticket_merge_menu, group: "ticket", keys: [] },
  unmerge: { title: m.ticket_unmerge, group: "ticket", keys: [] },
  redact: { title: m.ticket_redact_menu, group: "ticket", keys: [] },
  link: { title: m.ticket_link_add, group: "ticket", keys: [] },
  watchers: { title: m.ticket_watcher_add, group: "ticket", keys: [] },
  resources: { title: m.ticket_resource_add, group: "ticket", keys: [] },
} as const satisfies Record<string, CommandDefinition>;

export type CommandId = keyof typeof DEFINITIONS;

export const COMMANDS: Readonly<Record<CommandId, CommandDefinition>> = DEFINITIONS;
export const COMMAND_IDS = Object.keys(DEFINITIONS) as readonly CommandId[];
