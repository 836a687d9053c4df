"""Sales topics: plans, quotes, larger orders, contracts and moves from elsewhere."""

from __future__ import annotations

from demo.topic import Topic
from models.tickets.lifecycle import Priority

TOPICS = (
    Topic(
        subjects=("Quote for {count} servers {plan}", "Offer for {count} × {plan} in {region}", "Volume discount for {plan}?"),
        description="We plan to rent {count} servers {plan} in {region} for at least a year. Could you send us a quote, "
        "with and without "
        "a commitment of three years?",
        question="With pleasure. Do you need private networking and backups for all {count}, and when should they be ready?",
        answer="Private networking for all, backups for half of them. They should be ready by {deadline}.",
        finding="Capacity in {region} is fine. Discount of {percent} % for a year is within the guide, 3 years needs "
        "approval {reference}.",
        resolution="The quote {order} is in your panel: {amount} a month for a year, {amount2} for three. It is valid for "
        "30 days.",
        tags=("quote", "discount"),
        about=("plan", "order"),
    ),
    Topic(
        subjects=("Upgrade from {plan} to {plan2}", "Can {host} move to {plan2}?", "Change of plan without downtime"),
        description="{host} outgrows {plan}. Can it be changed to {plan2} without a new address, and what would we pay for "
        "this month?",
        question="The address stays. The change needs a restart of about {minutes} minutes; which day suits you?",
        answer="{weekday} at {time} UTC would be good.",
        finding="Customer keeps the old price for the rest of the term. Order prepared.",
        resolution="{host} is a {plan2} now, with the same address. This month you pay each plan for its days.",
        tags=("upgrade", "plan"),
        about=("server", "plan"),
    ),
    Topic(
        subjects=(
            "Do you offer {region} for managed databases?",
            "When will {plan} be available in {region}?",
            "GPU servers in {region}?",
        ),
        description="We would like to run {plan} in {region} for reasons of latency, but the order form does not offer it. "
        "Is it planned?",
        question="It is planned for the next quarter. Would {region2} do meanwhile? The way between is about {minutes} ms.",
        answer="For tests yes. For production we have to wait for {region}. Please put us on the list.",
        finding="Fourth request for this in {month}. Told product management, {reference}.",
        resolution="You are on the list for {plan} in {region} and will hear from us two weeks before. "
        "For tests a credit of {amount} is on your account.",
        tags=("availability", "region"),
        about=("plan",),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=(
            "Migration from another provider",
            "Help with moving {count} servers to you",
            "Moving to {region} by {deadline}",
        ),
        description="Our contract elsewhere ends on {deadline}. We have {count} virtual servers and {size} GB of data. "
        "What help do you offer with the move, and at what cost?",
        question="The first two days of an engineer are free from {count} servers on. How much of the data changes every day?",
        answer="About {percent} %. Most of it is images that never change.",
        finding="Engineer free in the week of {deadline}. Incoming traffic is free anyway, transfer appliance not needed.",
        resolution="Your move is planned: first copy in the week before {deadline}, the rest at night. "
        "The plan and your engineer's name are in the panel, order {order}.",
        tags=("migration", "onboarding"),
        about=("order",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=("Data processing agreement", "Signed DPA for {company}", "Where is our data stored?"),
        description="Our data protection officer asks for a signed data processing agreement and a list of your "
        "subcontractors for {region}.",
        question="The agreement can be signed in the panel. Does your officer need our certificate ISO 27001 and its annex too?",
        answer="Yes, both please. And the address of the data centre in {region}.",
        finding="Standard documents; address of the site may be given after the NDA, which is on file.",
        resolution="Agreement, list of subcontractors and certificate are in your panel under 'Documents'. The agreement "
        "awaits your signature.",
        tags=("legal", "privacy", "compliance"),
        about=(),
    ),
    Topic(
        subjects=("Trial of managed Kubernetes", "Test account for {company}", "Extend our trial by {count} days"),
        description="We are testing {plan} and your Kubernetes. Our trial ends on {weekday}, but the load tests will take "
        "{count} more days. "
        "Could you extend it?",
        question="Of course. What do you want to find out in the load tests? Our engineer may have figures for it.",
        answer="How fast nodes are added, and what a node costs that only lives for {hours} hours.",
        finding="Serious prospect, {count} nodes later. Extended, credit within the budget.",
        resolution="The trial runs until {deadline}, with a credit of {amount}. Nodes are billed by the second, with one minute "
        "at least.",
        tags=("trial", "kubernetes"),
        about=("plan",),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=("Raise our quota in {region}", "Limit of {count} servers reached", "More public addresses in {region}"),
        description="We are at our limit of {count} servers in {region} and have a campaign on {deadline}. Please double it.",
        question="Is this for good or for the campaign only? For a while it goes faster.",
        answer="For the campaign only, until two weeks after {deadline}.",
        finding="Payment history clean, region has room. Temporary quota needs an end date.",
        resolution="Your limit in {region} is {count}0 servers until two weeks after {deadline}.",
        tags=("quota", "campaign"),
        about=("plan",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=("Renewal of contract {order}", "Price increase for {plan}?", "Terms for another year of {plan}"),
        description="Our contract {order} ends on {deadline}. The renewal in the panel costs {amount} a month instead of "
        "{amount2}. Why is that?",
        question="Energy prices went into all plans on the first of {month}. For two years we can keep the old price; would "
        "that suit you?",
        answer="Two years are fine for us if we may change to a bigger plan in between.",
        finding="Old price for 24 months approved by {colleague}. Upgrade clause is standard.",
        resolution="{order} is renewed for two years at {amount2} a month; changes to bigger plans are possible at any time.",
        tags=("contract", "renewal", "price"),
        about=("order", "plan"),
    ),
    Topic(
        subjects=("Reseller programme", "Become a partner", "Several customers on one account?"),
        description="We are an agency with {count} customers who each need a server. Can we resell yours, with one invoice "
        "and separate access?",
        question="That is what the partner account is for. Will your customers sign in to the panel themselves?",
        answer="Some of them, with read-only access. Most should only see us.",
        finding="Fits the partner terms, step 'silver' from {count} servers on. Call planned for {weekday}.",
        resolution="The partner account for {company} is open, with {percent} % off from the first server. The guide is in "
        "the panel.",
        tags=("partner", "account"),
        about=("plan",),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=("Support plan with 24/7 telephone", "Which support level do we have?", "Response times at night"),
        description="Our shop has to be available at night as well. Which support plan has a telephone line at any hour, "
        "and what does it cost "
        "for {count} servers?",
        question="That is the plan 'Critical', {percent} % of the monthly bill, at least {amount}. Shall it hold for all "
        "servers or for the shop alone?",
        answer="For the shop's servers alone, that is {host} and two more.",
        finding="Plan can be limited to a project. Offer with the first month free.",
        resolution="The support plan 'Critical' starts on {deadline} for your project 'shop'. The number and your PIN are in "
        "the panel.",
        tags=("support-plan", "quote"),
        about=("plan", "server"),
    ),
)
