"""Billing topics: invoices, payments, taxes, credits and the end of contracts."""

from __future__ import annotations

from demo.topic import Topic
from models.tickets.lifecycle import Priority

TOPICS = (
    Topic(
        subjects=(
            "Invoice {invoice} is higher than expected",
            "Question on invoice {invoice}",
            "{invoice}: what is 'traffic beyond plan'?",
        ),
        description="Invoice {invoice} for {month} is {amount}, usually we pay about {amount2}. The line 'traffic beyond "
        "plan' is new to us. "
        "Could you explain it?",
        question="The extra traffic left {host} in the third week of {month}, {size} GB in all. Did you run a "
        "migration or a new backup?",
        answer="We copied an archive to another site in that week. I did not expect that it counts, but now it makes sense.",
        finding="Figures of the meter and of the invoice agree. One-time credit of half the amount is within my limit.",
        resolution="The traffic on {invoice} is correct; as it was your first time we credited half of it with the next invoice, "
        "and an alert at 80 % of the included traffic is set.",
        tags=("invoice", "traffic"),
        about=("invoice",),
    ),
    Topic(
        subjects=("Charged twice for {invoice}", "Double payment of {amount}", "Card charged two times in {month}"),
        description="Our card {card} was charged {amount} twice for {invoice}, on the same day. Please refund one of the "
        "payments.",
        question="We see one payment that was settled and one that was only reserved. Is the second one still shown as "
        "pending by your bank?",
        answer="The bank says that both were booked. I attached the statement to my mail to you.",
        finding="Payment provider confirms a second capture after a timeout on our side, {reference}. Refund approved.",
        resolution="The second payment of {amount} was refunded to the card {card}; banks take three to five days to show it.",
        tags=("payment", "refund"),
        about=("invoice",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Wrong company name on {invoice}",
            "Please correct the address on {invoice}",
            "Invoice {invoice} without VAT number",
        ),
        description="We moved our office in {month}. {invoice} still has the old address and lacks our VAT number {vat}. "
        "Our accountants can't use it like this.",
        question="We can cancel {invoice} and issue it again with the new address. Is the name of the company still {company}?",
        answer="Yes, the name is the same, only the address is new. It is in the panel already.",
        finding="VAT number checked and valid. Correction through a credit note, as the period is closed.",
        resolution="{invoice} was cancelled and {invoice2} replaces it with your new address and VAT number. Both are in "
        "the panel.",
        tags=("invoice", "tax", "address"),
        about=("invoice",),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=("Card {card} declined", "Payment of {invoice} failed", "Payment method can't be changed"),
        description="The payment of {invoice} failed, though the card {card} works elsewhere. When we add a new card the "
        "panel says "
        "'verification not completed'.",
        question="The bank asks for a confirmation that was never answered. Does the pop-up of your bank appear when you "
        "add the card?",
        answer="No pop-up appears. A colleague says that our browser policy may block it; with another browser it worked at "
        "once.",
        finding="Three attempts, each ended at the bank's challenge. Dunning stopped until {deadline}.",
        resolution="With the new card {invoice} was paid. No fee was charged, and your services were never at risk.",
        tags=("payment", "card"),
        about=("invoice",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Refund for the outage on {date}",
            "Credit under the SLA for {month}",
            "SLA claim: {host} down for {minutes} minutes",
        ),
        description="{host} was down for {minutes} minutes on {date}. By our agreement we are due a credit. Please add it "
        "to the next invoice.",
        question="Our log has {minutes} minutes as well. Shall the credit go to the next invoice or be paid out?",
        answer="The next invoice is fine, thank you.",
        finding="Outage confirmed, {reference}. Availability for the month was 99.{percent} %, that is the second step of the "
        "table.",
        resolution="A credit of {amount} for the outage on {date} is on your account; it is taken off the next invoice by "
        "itself.",
        tags=("sla", "credit"),
        about=("server", "invoice"),
    ),
    Topic(
        subjects=("Cancel {plan} by {deadline}", "How to end our contract", "Cancellation of order {order}"),
        description="We no longer need the {plan} servers of order {order}. Please cancel them at the earliest date and "
        "confirm it in writing.",
        question="The earliest date is {deadline}. May I ask what led to this? Perhaps a smaller plan would do.",
        answer="The project has ended, that is all. We keep our other servers with you.",
        finding="No open invoices. Order ends with the month, data is wiped 14 days later.",
        resolution="Order {order} ends on {deadline}. You will get a last invoice for the days until then; data is deleted 14 "
        "days later.",
        tags=("cancellation", "contract"),
        about=("plan", "order"),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=("Reverse charge: VAT on {invoice}", "VAT charged by mistake", "{invoice} has VAT although we gave our number"),
        description="{invoice} has VAT on it, though we are a company in another country of the EU with the number {vat}.",
        question="The register did not know {vat} on the day of the invoice. Was it given to you only lately?",
        answer="Yes, we got it on {date}. The tax office says that it is valid from the first of {month}.",
        finding="Register answers 'valid' since {date}. Correction allowed for the whole month.",
        resolution="{invoice} was issued again without VAT as {invoice2}, and the difference is credited to your account.",
        tags=("tax", "invoice"),
        about=("invoice",),
    ),
    Topic(
        subjects=("Send invoices to another address", "Invoices as structured e-invoice", "Add our accountants to the invoices"),
        description="Please send our invoices from next month on to accounting@{domain} as well, if possible as a structured "
        "e-invoice.",
        question="Both can be done. Do your accountants need the order number {order} on each invoice?",
        answer="Yes please, without an order number they send everything back to us.",
        finding="Routing set up by hand until the panel has a field for it.",
        resolution="From the next invoice on accounting@{domain} gets each as PDF and as e-invoice, with {order} as reference.",
        tags=("invoice", "e-invoice", "settings"),
        about=("order",),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=("Services suspended though {invoice} is paid", "{host} stopped because of a reminder?", "Suspended by mistake"),
        description="{host} was suspended at {time} for {invoice}, which we paid on {date}. This is our shop, please start "
        "it at once!",
        question="We have switched everything on again. To find the payment: which reference did you give at the transfer?",
        answer="It seems that we gave {invoice2} as reference. Still, please check before switching off a shop.",
        finding="Payment sat in 'unassigned' for {count} days. Team lead informed, suspension rule should look there first: "
        "{reference}.",
        resolution="The payment was assigned to {invoice} and everything runs. We are sorry; "
        "payments in question now stop a suspension.",
        tags=("payment", "suspension"),
        about=("invoice", "server"),
        priority=Priority.URGENT,
    ),
    Topic(
        subjects=("Usage figures for {month} don't match", "Export of costs by project", "Which project caused {amount}?"),
        description="We split costs between our teams. The export for {month} sums up to {amount2}, the invoice {invoice} "
        "says {amount}. "
        "Where is the rest?",
        question="The export leaves out what has no project label. Do {host} and {volume} belong to one of your teams?",
        answer="Both were created by hand and have no label. That is exactly the difference, thank you.",
        finding="Difference equals two resources without label. Export could have a line 'no project', idea {reference}.",
        resolution="The difference is {host} and {volume}, which carry no project label. Label them and the export adds up.",
        tags=("invoice", "usage", "report"),
        about=("invoice",),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=("Pay {invoice} in instalments", "More time to pay {invoice}", "Extend the due date of {invoice}"),
        description="A customer of ours pays late, so we are short this month. May we pay {invoice} ({amount}) on {deadline} "
        "instead?",
        question="We can move the due date to {deadline} once a year. Would that be enough?",
        answer="That is all we need, thank you very much.",
        finding="Customer since {count} years, always on time. Approved.",
        resolution="{invoice} is now due on {deadline}. There will be no reminder before.",
        tags=("invoice", "payment"),
        about=("invoice",),
    ),
)
