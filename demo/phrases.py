"""What people say on any ticket, whatever it is about, with the {blanks} of demo/facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

OPENINGS = (
    "Hello,",
    "Hi,",
    "Good morning,",
    "Hi there,",
    "Dear support team,",
    "Hello support,",
    "Hi everybody,",
    "Good afternoon,",
)
CONTEXTS = (
    "It started around {time} on {weekday}.",
    "This affects our customers, so we would be glad of a quick answer.",
    "It is not urgent, but we would like to understand it.",
    "Nothing was changed on our side that we know of.",
    "We had something like this in {month}, and then it went away by itself.",
    "Our reference for this is {order}.",
    "My colleague {colleague} can answer as well while I am out.",
    "I could not find an answer in the help pages.",
    "We have tried it from two different offices, with the same result.",
    "It concerns only what we run in {region}, the rest is fine.",
    "Please tell us if you need access or logs.",
    "We can be reached by telephone until {time}.",
)
CLOSINGS = (
    "Best regards\n{customer}",
    "Thanks\n{customer}, {company}",
    "Thank you!\n{customer}",
    "Kind regards\n{customer}\n{company}",
    "Many thanks in advance,\n{customer}",
    "{customer}",
)

GREETINGS = ("Hello {first},", "Hi {first},", "Good day {first},", "Dear {customer},", "Hello {first}, and thanks for writing.")
SIGNATURES = (
    "Best regards\n{agent}",
    "Kind regards\n{agent}",
    "{agent}",
    "All the best\n{agent}",
    "Greetings\n{agent}, your support team",
)
ACKNOWLEDGEMENTS = (
    "thank you for the details. I am looking into it now and will come back to you within {minutes} minutes.",
    "I have your request and am checking it with our {region} team.",
    "thanks for your report. I can see the same here, so there is no need to prove it. More as soon as I know it.",
    "I am sorry for the trouble. I have taken this over and will stay with it until it is done.",
    "thank you for your patience. I have started with the logs around {time}.",
    "I'm {agent} and will take care of this. Please answer to this ticket if anything changes on your side.",
    "your request has reached the right team. Let me look at your account first.",
    "good that you wrote at once. I'm on it.",
)
PROGRESS = (
    "a short update: we know where to look and are testing a change in {region2} first.",
    "we are not there yet. A colleague who knows this part better has joined, and I will write again by {time} UTC.",
    "the change is prepared. We would like to watch it for {hours} hours before we call it done.",
    "thanks, that is just what we needed. I passed it on and expect an answer today.",
    "that fits what we see. We will now do the same on our side and then tell you.",
    "this takes longer than I thought, I am sorry. The next step is planned for {weekday}.",
)
QUESTIONS = (
    "could you please try it once more and tell us the exact time? Then we can find it in our logs.",
    "is it better now? We changed something on our side at {time} UTC.",
    "may we have a look at {host} ourselves? Please allow it in the panel under 'Support access'.",
    "could you send us a screenshot, or better the text of the message as it stands there?",
    "does it also happen from another network, say from a telephone?",
    "we would like to go on, but only with your consent: there may be a break of {minutes} minutes. Is that all right?",
)
ANSWERS = (
    "Tried it at {time} UTC, still the same.",
    "Yes, much better. I would like to watch it for a day though.",
    "Access is allowed now, please go ahead.",
    "It is the same from home and from the office. This is the text:\n\n```\nrequest {reference} failed after {count} tries\n```",
    "Yes, that is all right with us. {weekday} would be best.",
    "I asked {colleague}, who says yes.",
)
WAITS = (
    "this now depends on a part that we ordered. I put the ticket on hold until it is there and will write to you then.",
    "the change can only be made in the next maintenance on {weekday}. Until then I put this ticket on hold.",
    "we wait for an answer of our partner. You need not do anything meanwhile.",
    "as agreed I will come back to this on {deadline}.",
)
NUDGES = (
    "Any news on this?",
    "Could you please give us an update? My manager asks.",
    "We still see it, last at {time}.",
    "It happened again at {time} UTC, if that helps.",
    "Just a friendly reminder, we are still waiting.",
    "One thing to add: {colleague} says that it also happens with the servers in {region2}.",
    "Is there anything else that you need from us?",
)
THANKS = (
    "Thanks, that helps.",
    "Thank you for the quick answer.",
    "Great, thanks.",
    "Thanks {agent}.",
    "Understood, thank you.",
    "Hi {agent},",
)
RELAPSES = (
    "I'm sorry to say that it is back since {time}.",
    "Unfortunately it only worked for {hours} hours. Now it is as before.",
    "It is better, but not good: about {percent} % of the time it still happens.",
    "We still see this in {region2}. Could you please look again?",
)
SECOND_RESOLUTIONS = (
    "The first cure held for some of the cases only. We have now found the rest and watched for {hours} hours; it stays quiet.",
    "We undid the first change and made a better one. Thank you for testing it with us.",
    "The same cause was at work in {region2} as well. It is removed there too.",
)
NOTES = (
    "Checked the account: customer since {count} years, no open invoices, {count} servers.",
    "Talked to {colleague} on the telephone, friendly, knows what they do.",
    "Similar to {reference}, see there before you start from zero.",
    "Asked the {region} team in the channel, waiting for {node}.",
    "If I am out tomorrow: the next step is to check {ip} from outside.",
    "Second request of {company} this month, let's be quick.",
    "Runbook is out of date here, I'll mend it after this.",
)
ESCALATIONS = (
    "This has been open for {hours} hours and our shop earns nothing meanwhile.",
    "Our own customers are affected, please treat this with priority.",
    "We have a deadline on {deadline} and need a decision.",
    "Third time in a few weeks. We would like to talk to somebody who can change something.",
)
WITHDRAWALS = (
    "We found it ourselves, it was our own firewall. Sorry for the noise!",
    "This has settled itself. Thank you anyway, you may close it.",
    "We decided not to go on with this for now.",
)
COMMENTS: Mapping[int, Sequence[str | None]] = {
    5: (
        "Fast and friendly.",
        "Perfect, thank you {agent}!",
        "Could not be better.",
        "Exactly the answer that I needed.",
        None,
        None,
    ),
    4: ("Good help, a little slow.", "Solved, thanks.", "Good, but the help pages should say this.", None),
    3: ("It took some rounds.", "Solved in the end.", None),
    2: ("I had to explain it three times.", "Too slow for an outage.", None),
    1: ("This cost us a whole day.", "Nobody told us anything for hours."),
}
"""What people add to a score from 1 to 5, if anything."""

ADVERTISING = (
    (
        "Boost your ranking in {count} days",
        "Dear sir or madam, we offer {count}00 back links for {amount} only. Answer now for a free test!",
    ),
    (
        "Your parcel could not be delivered",
        "Please confirm your address within {hours} hours at the link below, or it will be returned.",
    ),
    (
        "Business proposal for {company}",
        "I represent an investor with {amount} million and would like to talk to your director in private.",
    ),
)
"""Subjects and texts of what is closed as spam."""
