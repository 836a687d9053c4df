"""How people talk on the two kinds of tickets, about machines and about papers, with the {blanks} of demo/facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manner:
    """What is said around a topic. Each of `rounds` is a further question of the team's and what customers say to it."""

    contexts: tuple[str, ...]
    acknowledgements: tuple[str, ...]
    rounds: tuple[tuple[str, str], ...]
    progress: tuple[str, ...]
    waits: tuple[str, ...]
    nudges: tuple[str, ...]
    notes: tuple[str, ...]
    relapses: tuple[str, ...]
    second_resolutions: tuple[str, ...]


MACHINES = Manner(
    contexts=(
        "It started around {time} on {weekday}.",
        "Our customers notice it, so we would be glad of a quick answer.",
        "Nothing was changed on our side that we know of.",
        "We had something like this in {month}, and then it went away by itself.",
        "My colleague {colleague} can answer as well while I am out.",
        "I could not find an answer in the help pages.",
        "We have tried it from two different offices, with the same result.",
        "It concerns only what we run in {region}, the rest is fine.",
        "Please tell us if you need access or logs.",
    ),
    acknowledgements=(
        "thank you for the details. I am looking into it now and will come back to you within {minutes} minutes.",
        "I have your report and am checking it with our {region} team.",
        "thanks for your report. I can see the same here, so there is no need to prove it. More as soon as I know it.",
        "I am sorry for the trouble. I have taken this over and will stay with it until it is done.",
        "thank you for your patience. I have started with the logs around {time}.",
        "I'm {agent} and will take care of this. Please answer to this ticket if anything changes on your side.",
        "good that you wrote at once. I'm on it.",
    ),
    rounds=(
        (
            "could you please try it once more and tell us the exact time? Then we can find it in our logs.",
            "Tried it at {time2} UTC, still the same.",
        ),
        (
            "is it better now? We changed something on our side at {time2} UTC.",
            "Yes, much better. I would like to watch it for a day though.",
        ),
        (
            "may we have a look ourselves? Please allow it in the panel under 'Support access'.",
            "Access is allowed now, please go ahead.",
        ),
        (
            "could you send us the text of the message as it stands there?",
            "Here it is:\n\n```\nrequest {reference} failed after {count} tries\n```",
        ),
        ("does it also happen from another network, say from a telephone?", "It is the same from home and from the office."),
        (
            "we would like to go on, but only with your consent: there may be a break of {minutes} minutes. Is that all right?",
            "I asked {colleague}, who says yes. {weekday} would be best.",
        ),
        ("we can see it now. Did it ever work since {month}?", "It did until last week, I am quite sure."),
    ),
    progress=(
        "a short update: we know where to look and are testing a change in {region2} first.",
        "we are not there yet. A colleague who knows this part better has joined, and I will write again by {time2} UTC.",
        "the change is prepared. We would like to watch it for {hours} hours before we call it done.",
        "that fits what we see. We will now do the same on our side and then tell you.",
        "this takes longer than I thought, I am sorry. The next step is planned for {weekday}.",
    ),
    waits=(
        "this now depends on a part that we ordered. I put the ticket on hold until it is there and will write to you then.",
        "the change can only be made in the next maintenance on {weekday}. Until then I put this ticket on hold.",
        "we wait for an answer of our carrier. You need not do anything meanwhile.",
    ),
    nudges=(
        "Any news on this?",
        "Could you please give us an update? My manager asks.",
        "We still see it, last at {time2}.",
        "It happened again at {time2} UTC, if that helps.",
        "One thing to add: {colleague} says that it also happens in {region2}.",
        "Is there anything else that you need from us?",
    ),
    notes=(
        "Checked the account: customer since {count} years, {count} servers, no changes lately.",
        "Talked to {colleague} on the telephone, friendly, knows what they do.",
        "Similar to {reference}, see there before you start from zero.",
        "Asked the {region} team in the channel, waiting for an answer.",
        "If I am out tomorrow: the next step is to check {ip} from outside.",
        "Runbook is out of date here, I'll mend it after this.",
    ),
    relapses=(
        "I'm sorry to say that it is back since {time2}.",
        "Unfortunately it only worked for {hours} hours. Now it is as before.",
        "It is better, but not good: about {percent} % of the time it still happens.",
        "We still see this in {region2}. Could you please look again?",
    ),
    second_resolutions=(
        "The first cure held for some of the cases only. We found the rest and watched for {hours} hours; it stays quiet.",
        "We undid the first change and made a better one. Thank you for testing it with us.",
        "The same cause was at work in {region2} as well. It is removed there too.",
    ),
)

PAPERS = Manner(
    contexts=(
        "Our reference for this is {order}.",
        "My colleague {colleague} can answer as well while I am out.",
        "I could not find an answer in the help pages.",
        "Our accountants need an answer by {deadline}.",
        "You can also call me, best before noon.",
        "We have been with you for {count} years and were always content.",
        "It concerns only our project in {region}.",
    ),
    acknowledgements=(
        "thank you for writing. I am looking at your account and will come back to you within {minutes} minutes.",
        "thank you for the question. I have taken it over and will answer it today.",
        "I'm {agent} and will take care of this. Please answer to this ticket if you would like to add anything.",
        "your request has reached the right team. Let me look at your contract first.",
        "thanks for your message. I have all that I need and will be back soon.",
    ),
    rounds=(
        ("may I call you about this? Today at {time2} UTC would suit me.", "Yes, please call the number in my profile."),
        (
            "which of your projects is it about? I can see {count} of them.",
            "The one that is called 'shop', the others are for tests.",
        ),
        ("shall the change hold from the next month on, or from now?", "From the next month on is fine."),
        ("who at {company} may decide this? I need the name for our files.", "I may, and {colleague} while I am out."),
        ("could you please confirm the address in the panel? It changed in {month}.", "I looked at it, it is right."),
        ("would you like to have this in writing as a PDF too?", "Yes please, for our files."),
    ),
    progress=(
        "a short update: I need the consent of a colleague for this and expect it today.",
        "thanks, that is just what I needed. I passed it on and will write by {time2} UTC.",
        "this takes longer than I thought, I am sorry. You will have the answer on {weekday}.",
        "the papers are prepared and only wait for a second pair of eyes.",
    ),
    waits=(
        "as agreed I will come back to this on {deadline}.",
        "this waits for the close of the month. I put the ticket on hold until then; you need not do anything.",
        "I asked the bank and wait for their answer. That takes some days as a rule.",
    ),
    nudges=(
        "Any news on this?",
        "Just a friendly reminder, we are still waiting.",
        "Could you please give us an update? {colleague} asks.",
        "Is there anything else that you need from us?",
        "We need to know by {deadline}, is that possible?",
    ),
    notes=(
        "Checked the account: customer since {count} years, no open invoices.",
        "Talked to {colleague} on the telephone, friendly, knows what they want.",
        "Similar to {reference}, same answer fits.",
        "Second request of {company} this month, let's be quick.",
        "Needs a second pair of eyes above {amount}.",
    ),
    relapses=(
        "Sorry, one question is left: does this hold for {plan2} as well?",
        "The panel still shows the old figure. Could you please look again?",
        "Our accountants are not content yet, they ask for the date as well.",
    ),
    second_resolutions=(
        "It holds for all your plans, I added a line to the papers that says so.",
        "The panel was a day behind. It shows the right figures now.",
        "The papers in your panel were replaced and now have what was missing.",
    ),
)

MANNERS: Mapping[str, Manner] = {"technical": MACHINES, "billing": PAPERS, "sales": PAPERS}
"""By the category's slug."""
