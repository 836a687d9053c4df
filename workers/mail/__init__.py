"""Mail to people: what a mail says, and how it goes out.

A folder named by TICKETWIRE_MAIL_TEMPLATES changes what mails say. Its files come before ours, which lie in
workers/mail/templates: copy one, change it, restart. Each mail has a text and an HTML template, `NAME.txt` and `NAME.html`, which
extend `layout.txt` and `layout.html`. All are compiled and tried with sample values at the start; a broken one stops it with a
line that names the file and the line. They are Jinja2 templates in a sandbox; in HTML everything is escaped.

| name | sent |
|---|---|
| `created` | to the requester, when the request has come in |
| `raised` | to the team, for a new ticket |
| `replied` | for a public reply |
| `resolved`, `closed`, `reopened` | for a step of the life cycle |
| `assigned`, `transferred` | to the new assignee; to the new team |
| `escalated`, `escalation_step` | when somebody escalates; to those whom a step of an escalation path names |
| `sla_at_risk`, `sla_breached` | when most of a promised time is spent; when it has passed |
| `reminder_waiting`, `reminder_closing` | when a ticket waits for the customer; when a resolved one soon closes by itself |
| `rated` | when the customer has rated |

In every template (None where the mail has no such thing; any other name is an error):

| name | |
|---|---|
| `ticket` | `ref`, `number`, `subject`, `status`, `priority`, `team`: texts in one line each, as the ticket stands now |
| `event` | `type` such as `reply_added`, `occurred_at` an instant, `status` after a step of the life cycle |
| `actor`, `recipient` | names: who did it, and who reads it |
| `request` | what was asked for, as `text` (Markdown) and `html` (safe); in `created` and `raised` |
| `reply`, `resolution` | what was written, as `text` and `html`; in `replied`, in `resolved` |
| `team` | the name of the team that has it now; in `transferred` |
| `reason` | why it was escalated, reopened or closed, in plain text |
| `into` | the ref of the ticket that it was merged into, where the reader may see that one; in `closed` |
| `promise` | `metric` such as `first response`, and `at`, an instant: when it is or was due; in `sla_…` |
| `closes_at` | in reminders: the instant at which the ticket closes by itself, or none where it waits for ever |
| `rating` | `score` (1 to 5) and `comment`; in `rated` |
| `url` | the ticket's page below TICKETWIRE_PUBLIC_URL; None without that setting |
| `because`, `hint` | why the reader gets this mail; how to get no such mails |

`{{ closes_at | moment }}` writes an instant as `5 March 2026, 14:30 UTC`. No template is ever given
a note, or anything else that is internal.
"""
