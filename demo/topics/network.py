"""Technical topics: addresses, names, certificates, balancers and the way between."""

from __future__ import annotations

from demo.topic import Topic
from models.tickets.lifecycle import Priority

TOPICS = (
    Topic(
        subjects=(
            "Packet loss between {region} and {region2}",
            "{percent} % packet loss from {region}",
            "Latency to {region2} doubled",
        ),
        description="Since {time} we lose about {percent} % of the packets between {host} and our servers in {region2}. "
        "An mtr in both directions shows it from the third hop on:\n\n"
        "```\n 3. core2.{region}   {percent}.0%   200   18.4 ms\n 4. edge1.{region2}   {percent}.0%   200   31.7 ms\n```",
        question="Thank you for the mtr, it helps. Do you see the loss over IPv6 too, and with small packets (`ping -s 56`)?",
        answer="IPv6 is fine, IPv4 loses packets whatever their size. It got a little better since {time}.",
        finding="One of four links in the {region} - {region2} bundle drops frames. Taken out, optics ordered, {reference}.",
        resolution="A faulty optical link between {region} and {region2} was taken out of service at {time}. Loss is back "
        "to zero; "
        "the part will be replaced without effect on you.",
        tags=("network", "packet-loss"),
        about=("server",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Certificate for {domain} was not renewed",
            "TLS error on {domain}",
            "{domain}: certificate expires in {count} days",
        ),
        description="The managed certificate of {domain} should have been renewed, but browsers warn of it since {time}. "
        "Other names on the same balancer {balancer} are fine.",
        question="The renewal fails as the challenge for {domain} ends at another address. Did its DNS records change lately?",
        answer="We moved DNS to a new provider on {weekday} and forgot the AAAA record, it still points to the old server.",
        finding="CAA is fine, AAAA of {domain} points elsewhere, so validation over IPv6 fails.",
        resolution="With the old AAAA record removed the certificate of {domain} was issued and installed on {balancer}. "
        "It renews by itself from now on.",
        tags=("tls", "certificate", "dns"),
        about=("domain", "balancer"),
        priority=Priority.URGENT,
    ),
    Topic(
        subjects=(
            "DNS changes for {domain} not visible",
            "Zone {domain} serves old records",
            "Nameserver answers differ for {domain}",
        ),
        description="We changed the A record of {domain} to {ip} {hours} hours ago. One of your name servers still gives "
        "the old address, "
        "so about half of our visitors end up on the old server.",
        question="Could you send us the output of `dig +nsid {domain}` from a place where you see the old address?",
        answer="Here you are, the answers with the old address all carry the same nsid, from {region2}.",
        finding="Secondary in {region2} stopped taking transfers at {time}; serial is behind. Restarted, monitoring gap: "
        "{reference}.",
        resolution="One of our name servers in {region2} had stopped taking changes. It is up to date again, "
        "and we now watch the serial of each server.",
        tags=("dns",),
        about=("domain",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Load balancer {balancer} marks healthy servers as down",
            "502 from {balancer} since {time}",
            "Health checks flap on {balancer}",
        ),
        description="{balancer} answers 502 to some {percent} % of requests. Its log says that {host} fails the health check, "
        "but from our office the same URL answers in 40 ms.",
        question="The check gives up after 2 seconds. How long does `/health` take while a deployment runs?",
        answer="You are right, it waits for the database and can take 3 to 4 seconds then.",
        finding="Check timeout 2 s, app needs 3.6 s at p99. No fault on the balancer.",
        resolution="The health check's timeout of {balancer} is 5 seconds now, with three failures until a server is taken out. "
        "No 502 since {time}.",
        tags=("load-balancer", "health-check"),
        about=("balancer", "server"),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=("Mail from {ip} is rejected", "Reverse DNS for {ip}", "{ip} is on a block list"),
        description="Since we moved our mail server to {host}, other providers reject our mail: `550 no PTR record for {ip}`. "
        "Please set it to {domain}.",
        question="Gladly. Does {domain} resolve to {ip}? The record can be set once both directions agree.",
        answer="It does now, the A record was still missing when I wrote.",
        finding="Abuse history of {ip} is clean since {month}. PTR set by hand as the panel refuses reserved ranges.",
        resolution="{ip} now points back to {domain}, and we asked for its removal from the one list that still had it.",
        tags=("mail", "reverse-dns", "reputation"),
        about=("server", "domain"),
    ),
    Topic(
        subjects=("IPv6 does not work on {host}", "No IPv6 route in {region}", "{ip6} unreachable"),
        description="{host} has {ip6} configured as the panel says, but there is no way out: "
        "`Network is unreachable`. IPv4 works.",
        question="Is router advertisement accepted on this server? `sysctl net.ipv6.conf.eth0.accept_ra` should print 1 or 2.",
        answer="It printed 0. A hardening script had switched it off on all servers.",
        finding="Router sends advertisements, guest ignores them.",
        resolution="With `accept_ra` set to 2 the server takes its route again and {ip6} is reachable. "
        "The line belongs into your hardening script as well.",
        tags=("ipv6", "network", "how-to"),
        about=("server",),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=("Traffic flood to {ip}", "Attack on {domain}?", "{host} gets {count}0,000 requests a second"),
        description="Since {time} {ip} gets many times the usual traffic, from all over the world and with random paths. "
        "{host} hardly answers. Can you filter it?",
        question="We switched the filter on for {ip}. Which countries or networks must always get through, such as payment "
        "providers?",
        answer="Please always let through our office network and the payment provider's range, I sent both to you by the panel.",
        finding="UDP reflection plus HTTP flood, peak {count} Gbit/s. Filter profile 'web-strict'. Stays on for 48 hours.",
        resolution="The attack ended at {time} after {hours} hours. The filter stays ready for {ip} and starts by itself "
        "when the traffic exceeds its usual level.",
        tags=("ddos", "security", "network"),
        about=("server", "domain"),
        priority=Priority.URGENT,
    ),
    Topic(
        subjects=(
            "Private network between {region} and {region2}",
            "VPN tunnel to {region} drops every {hours} hours",
            "Site-to-site VPN unstable",
        ),
        description="Our tunnel to {region} drops every {hours} hours for about a minute. Our side logs "
        "`no acceptable proposal found` each time, then it connects again.",
        question="That looks like a mismatch when the keys are renewed. Which lifetime and which group does your side use "
        "for phase 2?",
        answer="Lifetime is 3600 seconds and group 14. Your panel shows group 19.",
        finding="Rekey starts from the customer's side with group 14 which our profile refuses; initial proposal has both.",
        resolution="Both sides use group 19 and one hour now. The tunnel has been up without a break for {hours} hours.",
        tags=("vpn", "network"),
        about=("server",),
    ),
)
