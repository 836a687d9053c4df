"""What a customer's monitoring raises by the API: technical too, in a machine's words."""

from __future__ import annotations

from demo.topic import Topic
from models.tickets.lifecycle import Priority

TOPICS = (
    Topic(
        subjects=("Disk of {host} at 9{count} %",),
        description="Monitoring: file system `/` on {host} is at 9{count} %, threshold 90 %. First seen {time} UTC.",
        question="The space went to `/var/log` of {host}. Shall we enlarge the disk, or do you clear it up?",
        answer="We turned on log rotation and removed the old ones. It is at {percent} % now.",
        finding="Debug logging is on since {date}. Not ours.",
        resolution="The disk of {host} is at {percent} % after the logs were cleared; the alert has ended.",
        tags=("monitoring", "storage"),
        about=("server",),
    ),
    Topic(
        subjects=("{host} does not answer",),
        description="Monitoring: {host} ({ip}) has not answered for {count} checks in a row. Last answer {time} UTC.",
        question="{host} answers us. Does your monitoring come from {ip6}? That network is not in the firewall's list.",
        answer="It does since yesterday. I added the network to the list.",
        finding="Server fine, false alarm of the new probe.",
        resolution="{host} was up all the time. With the new probe's network let in, the checks are green.",
        tags=("monitoring", "network"),
        about=("server",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=("{database}: replica is {count}{percent} seconds behind",),
        description="Monitoring: the replica of {database} in {region} is behind since {time} UTC, threshold 60 seconds.",
        question="A long transaction holds the replica up, it began at {time} UTC from {ip}. May we end it?",
        answer="That is our nightly report. Please let it finish, we will split it from tomorrow on.",
        finding="One transaction of {hours} hours. Replica has the size of the primary, so no limit there.",
        resolution="The replica of {database} caught up {minutes} minutes after the report had ended. Shorter transactions "
        "will keep it there.",
        tags=("monitoring", "database"),
        about=("database",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=("Certificate of {domain} ends in {count} days",),
        description="Monitoring: the certificate of {domain} ends in {count} days and was not renewed.",
        question="The renewal waits for a record in the zone of {domain}, which is not with us. Can you add it? The panel "
        "shows it.",
        answer="The record is in place now.",
        finding="Challenge passes from {region}. Renewal started by hand.",
        resolution="The certificate of {domain} was renewed and is in use on {balancer}.",
        tags=("monitoring", "certificate"),
        about=("domain", "balancer"),
    ),
)
