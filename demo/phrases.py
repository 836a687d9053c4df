"""What people say on any ticket, whatever it is about: greetings, thanks, scores. With the {blanks} of demo/facts."""

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
THANKS = (
    "Thanks, that helps.",
    "Thank you for the quick answer.",
    "Great, thanks.",
    "Thanks {agent}.",
    "Understood, thank you.",
)
ESCALATIONS = (
    "This has been open for {hours} hours, that is too long for us.",
    "Our own customers are affected, please treat this with priority.",
    "We have a deadline on {deadline} and need a decision.",
    "Third time in a few weeks. We would like to talk to somebody who can change something.",
)
WITHDRAWALS = (
    "We found it ourselves, it was our own mistake. Sorry for the noise!",
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
    2: ("I had to explain it three times.", "Too slow.", None),
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
