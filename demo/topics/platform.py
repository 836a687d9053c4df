"""Technical topics: managed databases and clusters, object storage, the API and the panel."""

from __future__ import annotations

from demo.topic import Topic
from models.tickets.lifecycle import Priority

TOPICS = (
    Topic(
        subjects=(
            "{database}: too many connections",
            "Connection limit of {database} reached",
            "FATAL: remaining connection slots on {database}",
        ),
        description="Our application gets `FATAL: remaining connection slots are reserved` from {database} whenever we deploy. "
        "The plan allows {count}0 connections, and we count fewer.",
        question="We see up to {count}0 idle connections from {ip}. Is there a pool in front, and what is its size per process?",
        answer="Each of our workers has a pool of 20, and during a deployment there are twice as many workers. That explains it.",
        finding="Not a limit problem: pools times workers. Suggest the pooler instead of a bigger plan.",
        resolution="We switched the connection pooler on for {database}; please use port 6432. "
        "The application then needs about {count} real connections.",
        tags=("database", "connections"),
        about=("database",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Slow queries on {database} since the upgrade",
            "{database} at {percent} % CPU",
            "Upgrade to {version} made {database} slow",
        ),
        description="Since the maintenance on {weekday} ({database} went to version {version}) a query that took 20 ms "
        "takes {count} seconds.",
        question="Could you run the query with `EXPLAIN (ANALYZE, BUFFERS)` and send us the plan? Statistics may be missing "
        "after the upgrade.",
        answer="The plan shows a sequential scan on a table with {count} million rows. The index is there.",
        finding="ANALYZE was skipped by the upgrade job for databases over 200 GB. Same as {reference}.",
        resolution="The upgrade had left {database} without statistics. After `ANALYZE` the query takes its 20 ms again; "
        "the upgrade now always ends with one.",
        tags=("database", "performance", "upgrade"),
        about=("database",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=("Node {node} is NotReady", "Pods stuck in Pending on {cluster}", "{cluster}: node pool does not scale"),
        description="On {cluster} {count} pods hang in `Pending` since {time}:\n\n"
        "```\n0/{count} nodes are available: insufficient memory.\n```\n\nThe autoscaler should have added a node, but "
        "nothing happens.",
        question="The pool's upper limit is reached: {count} nodes. Shall we raise it, or did you expect fewer requests per pod?",
        answer="Please raise it by two. We will look at our memory requests as well.",
        finding="Autoscaler is fine; limit of the pool plus account quota in {region} were both reached.",
        resolution="The pool's limit and your quota in {region} were raised; {cluster} has added two nodes and all pods run.",
        tags=("kubernetes", "autoscaling", "quota"),
        about=("cluster",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Persistent volume stays attached to an old node",
            "Pod can't mount {volume}",
            "Multi-Attach error on {cluster}",
        ),
        description="After node {node} was replaced a pod can't start: `Multi-Attach error for volume {volume}: already "
        "used by node {node}`. "
        "The old node is long gone.",
        question="We can detach it by force. Is the pod scaled to zero, so that nobody writes meanwhile?",
        answer="Yes, it is scaled to zero now. Please go ahead.",
        finding="Attachment object without node. Controller restarted after deletion, {reference}.",
        resolution="{volume} was detached from the vanished node and mounted by the new pod. The controller of {cluster} "
        "was updated "
        "to a version that does this by itself.",
        tags=("kubernetes", "storage"),
        about=("cluster", "volume"),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Uploads to {bucket} fail with 503",
            "SlowDown errors on bucket {bucket}",
            "Object storage in {region} is slow",
        ),
        description="About {percent} % of our uploads to `{bucket}` in {region} fail with `503 SlowDown`. We upload "
        "{count}00 small files a second.",
        question="All keys begin with the same date, so one partition takes all of it. Could you put a short hash in front?",
        answer="We can for new files. Old ones stay as they are, we only read those.",
        finding="Hot partition; split by hand helps until tomorrow. Limits page should mention prefixes.",
        resolution="With a hash in front of the key the load spreads, and we split the old partition. No 503 from "
        "`{bucket}` since {time}.",
        tags=("object-storage", "rate-limit"),
        about=("bucket",),
    ),
    Topic(
        subjects=("CORS headers missing on {bucket}", "Browser can't read from {bucket}", "Bucket policy of {bucket} is ignored"),
        description="Our site {domain} reads images from `{bucket}`. Browsers say `No 'Access-Control-Allow-Origin' header "
        "is present`, "
        "though we set the CORS rule in the panel.",
        question="The rule allows `http://{domain}`, and the page is loaded over https. Could that be it?",
        answer="Oh. Yes, that was it, thank you. How long until the change is everywhere?",
        finding="Customer's rule had http. The panel could warn of this.",
        resolution="The CORS rule of `{bucket}` now names `https://{domain}`. Changes are everywhere within five minutes.",
        tags=("object-storage", "cors", "how-to"),
        about=("bucket", "domain"),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=(
            "API answers 429 though we are below the limit",
            "Rate limit of API token",
            "API: 429 Too Many Requests from {ip}",
        ),
        description="Our deployment tool gets 429 from your API although it makes only {count} requests a minute. The "
        "header says that "
        "{percent} are left.",
        question="Which token is it (its first eight characters are enough), and do several tools share the address {ip}?",
        answer="Three build servers share {ip} behind a NAT. Does the limit count by address too?",
        finding="Limit by address hits before that of the token. Raised for {ip}; documentation to be mended.",
        resolution="Besides the token's limit there is one by address. We raised it for {ip} and added a line to the "
        "documentation.",
        tags=("api", "rate-limit"),
        about=(),
    ),
    Topic(
        subjects=(
            "Terraform plan always shows changes for {cluster}",
            "Provider {version} recreates {host}",
            "Infrastructure drift after provider update",
        ),
        description="Since version {version} of your provider each plan wants to replace {host}, although nothing changed:\n\n"
        '```\n~ image = "ubuntu-24-04" -> "ubuntu-24.04" # forces replacement\n```',
        question="Thank you, we can see it too. Could you pin the version before for the moment? A fix is on its way.",
        answer="Pinned, and the plan is empty again. Please tell us when the fix is out.",
        finding="Image slug was renamed in the API, provider compares by text. Fix merged, release {reference}.",
        resolution="The new release compares images by id; your plan should be empty without the pin.",
        tags=("api", "infrastructure-as-code", "bug"),
        about=("server",),
    ),
    Topic(
        subjects=("Two-factor code is not accepted", "Can't sign in to the panel", "Lost second factor of our account owner"),
        description="Our account owner has a new phone and the codes are not accepted any more. Nobody else at {company} "
        "may change the settings.",
        question="We can reset it after a check. May we call the number on file today around {time} UTC?",
        answer="Yes, please call the office number, I will be there at {time}.",
        finding="Call-back done, identity confirmed with the last invoice's number. Reset logged.",
        resolution="The second factor was reset after our call. Please set up a new one at the next sign-in and add a "
        "second owner.",
        tags=("account", "access", "security"),
        about=(),
        priority=Priority.HIGH,
    ),
)
