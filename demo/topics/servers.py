"""Technical topics: servers, their disks, backups and images."""

from __future__ import annotations

from demo.topic import Topic
from models.tickets.lifecycle import Priority

TOPICS = (
    Topic(
        subjects=(
            "{host} does not come back after a reboot",
            "Server {host} unreachable since {time}",
            "{host} hangs while booting",
        ),
        description="We rebooted **{host}** at {time} and it has not come back. Ping to {ip} gets no answer and the console "
        "stops at\n\n"
        "```\nmdadm: no arrays found in config file\nGave up waiting for root device.\n```\n\nNothing was changed on our "
        "side but the kernel.",
        question="The console shows that {host} looks for a root device that is not attached. Was the volume {volume} "
        "renamed or moved "
        "to another server lately?",
        answer="Yes, a colleague moved {volume} on {weekday} and put it back afterwards. Could it have lost its boot flag?",
        finding="{volume} is attached as the second device; boot order on the hypervisor still points to the first slot. "
        "Fix: swap slots.",
        resolution="The volume {volume} was attached in the wrong slot. We put it first in the boot order and started {host}; "
        "it answers on {ip} again.",
        tags=("boot", "server", "outage"),
        about=("server", "volume"),
        priority=Priority.URGENT,
    ),
    Topic(
        subjects=("High steal time on {host}", "{host} is slow, {percent} % CPU steal", "Noisy neighbour on {host}?"),
        description="Since {weekday} around {time} the load on {host} is high though our own processes do little. `top` shows "
        "{percent} % steal. The server is a {plan} in {region}.",
        question="We see the contention on the host as well. May we move {host} to another host? It takes about {minutes} "
        "minutes, "
        "with a pause of a few seconds at the end.",
        answer="Please do. After {time} UTC would suit us best, there is little traffic then.",
        finding="Host node {node} runs {percent} % over its usual load since the last rebalance. Capacity team knows "
        "({reference}).",
        resolution="{host} was moved to a quieter host while it ran. Steal time has been below 1 % since; we also spread "
        "the other "
        "guests of the old host.",
        tags=("performance", "cpu", "server"),
        about=("server",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=("Volume {volume} is read-only", "I/O errors on {volume}", "File system on {host} went read-only"),
        description="The file system on {volume} (attached to {host}) went read-only at {time}. dmesg says\n\n"
        "```\nblk_update_request: I/O error, dev vdb, sector 41943040\nEXT4-fs error: Detected aborted journal\n```\n\n"
        "We have not run fsck yet because we fear to make it worse.",
        question="The storage side is healthy again since {time}. Could you unmount {volume}, run `e2fsck -n` and send us "
        "its output?",
        answer="It lists {count} inodes to fix and otherwise looks fine. Shall we run it for real?",
        finding="Storage backend in {region} lost one path for {minutes} minutes; guests with a short SCSI timeout saw "
        "errors. {reference}.",
        resolution="A short path failure in our storage made the kernel protect the file system. After `e2fsck` the volume "
        "is mounted "
        "read-write and no data was lost.",
        tags=("storage", "volume", "data-safety"),
        about=("volume", "server"),
        priority=Priority.URGENT,
    ),
    Topic(
        subjects=(
            "Resize {volume} to {size} GB",
            "Volume {volume} still shows its old size",
            "Grow disk of {host} without downtime?",
        ),
        description="We enlarged {volume} to {size} GB in the panel, but {host} still sees the old size. Is a reboot needed?",
        question="The volume itself is {size} GB now. What do `lsblk` and `df -h` print on {host}?",
        answer="lsblk shows {size}G for the disk but the partition is still the old one. It is ext4.",
        finding="Nothing wrong on our side, the guest needs growpart and resize2fs. Worth a line in the help article.",
        resolution="`growpart /dev/vdb 1` and `resize2fs /dev/vdb1` make the file system use all {size} GB; no reboot is needed.",
        tags=("storage", "volume", "how-to"),
        about=("volume",),
        priority=Priority.LOW,
    ),
    Topic(
        subjects=(
            "Nightly backup of {host} failed",
            "Backups of {host} missing since {weekday}",
            "Backup job ends with error 28",
        ),
        description="The backup of {host} failed for {count} nights in a row. The report only says `error 28: no space "
        "left`, though our "
        "backup plan has room for {size} GB.",
        question="The snapshot itself succeeds, the copy fails. Do you keep a local snapshot on {volume} too? It would "
        "count against the quota.",
        answer="Indeed, there were {count} old snapshots from a script. We removed them now, can you start the job once more?",
        finding="Quota was full of manual snapshots, not of ours. The message should say so, feature request {reference}.",
        resolution="Old manual snapshots had filled the quota. After their removal the backup of {host} ran through in "
        "{minutes} minutes; "
        "we set an alert at 80 %.",
        tags=("backup", "quota"),
        about=("server", "volume"),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Restore of {host} from {date}",
            "Please restore a deleted directory on {host}",
            "Deleted by mistake: /srv on {host}",
        ),
        description="A deployment script deleted `/srv/uploads` on {host} at {time}. We need it back as it was on {date}. "
        "The server itself runs and should not be overwritten.",
        question="We have a restore point of {date}, {time}. Shall we attach it as an extra volume so that you can copy "
        "what you need?",
        answer="An extra volume is perfect. Please attach it to {host}, we will copy it over ourselves.",
        finding="Restore point {date} is complete, checksum fine. Attached read-only, remove after 7 days.",
        resolution="The restore point of {date} is attached to {host} as {volume}, read-only. It stays for seven days and "
        "costs nothing.",
        tags=("backup", "restore"),
        about=("server",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Lost SSH access to {host}",
            "Locked out of {host} after key rotation",
            "Permission denied (publickey) on {host}",
        ),
        description="After we rotated our keys nobody can log in to {host} any more: `Permission denied (publickey)`. "
        "The panel's console asks for a password that we never set.",
        question="We can boot {host} into the rescue system, where you can put a new key in place. It means some {minutes} "
        "minutes "
        "of downtime; when may we do it?",
        answer="Tonight after {time} UTC is fine. Please put the key in that we uploaded to the panel today.",
        finding="Identity of the requester confirmed by the call-back number on file. Rescue boot planned.",
        resolution="We booted the rescue system, added the key from your panel for `root`, and started {host} normally. "
        "Log-in works; please remove old keys.",
        tags=("access", "ssh"),
        about=("server",),
        priority=Priority.HIGH,
    ),
    Topic(
        subjects=(
            "Image import stays at {percent} %",
            "Custom image can't be imported",
            "Import of qcow2 image fails in {region}",
        ),
        description="We try to import our own image ({size} GB, qcow2) in {region}. It stays at {percent} % for {hours} "
        "hours and then "
        "fails without a message.",
        question="Could you tell us the image's virtual size (`qemu-img info`) and whether it has a backing file?",
        answer="Virtual size is {size} GB and yes, there is a backing file. I did not know that it matters.",
        finding="Importer waits for the backing file until its timeout. Should refuse at once: {reference}.",
        resolution="An image with a backing file can't be imported. `qemu-img convert` flattens it; the flat image was imported "
        "in {minutes} minutes.",
        tags=("image", "how-to"),
        about=("server",),
    ),
)
