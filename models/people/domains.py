"""The email domains of organizations. A new customer joins the organization with the domain of the
email address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.errors import InvalidInput, UserErrorCode
from models.core.ids import new_id
from models.core.text import clean_text
from models.people.user import Organization

MAX_DOMAIN_CHARS = 253
LABEL_REGEX = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN_PATTERN = re.compile(rf"(?:{LABEL_REGEX}\.)+{LABEL_REGEX}")
PUBLIC_MAIL_DOMAINS_TEXT = """
gmail.com googlemail.com outlook.com outlook.de outlook.fr hotmail.com hotmail.co.uk hotmail.de
hotmail.fr hotmail.it hotmail.es live.com live.co.uk live.de live.fr live.nl msn.com yahoo.com
yahoo.co.uk yahoo.co.jp yahoo.co.in yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.ca yahoo.com.br
ymail.com rocketmail.com aol.com aim.com icloud.com me.com mac.com proton.me protonmail.com
protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com tutamail.com keemail.me gmx.com
gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de posteo.de posteo.net mailbox.org
arcor.de online.de 1und1.de freemail.hu mail.com email.com usa.com zoho.com zohomail.com
zohomail.eu yandex.com yandex.ru ya.ru mail.ru inbox.ru list.ru bk.ru rambler.ru ukr.net
fastmail.com fastmail.fm hey.com hushmail.com qq.com foxmail.com 163.com 126.com yeah.net
sina.com sina.cn sohu.com aliyun.com naver.com hanmail.net daum.net kakao.com nate.com
rediffmail.com orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it
virgilio.it alice.it tin.it tiscali.it btinternet.com sky.com talktalk.net virginmedia.com
ntlworld.com comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net
earthlink.net optonline.net juno.com shaw.ca rogers.com sympatico.ca telus.net bigpond.com
optusnet.com.au iinet.net.au xtra.co.nz terra.com.br uol.com.br bol.com.br ig.com.br wp.pl o2.pl
onet.pl interia.pl seznam.cz centrum.cz email.cz azet.sk abv.bg telenet.be skynet.be ziggo.nl
kpnmail.nl planet.nl xs4all.nl home.nl bluewin.ch hispeed.ch sunrise.ch telia.com online.no
mail.dk duck.com relay.firefox.com privaterelay.appleid.com mailinator.com guerrillamail.com
10minutemail.com yopmail.com trashmail.com temp-mail.org
"""
PUBLIC_MAIL_DOMAINS = frozenset(PUBLIC_MAIL_DOMAINS_TEXT.split())
"""Domains at which anyone can get an address, so an address there proves no membership."""


class OrganizationDomain(Model):
    """A domain of an organization, in lower case. A domain belongs to one organization at most."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, on_delete=fields.CASCADE
    )
    organization_id: UUID
    domain = fields.CharField(max_length=253, unique=True)

    class Meta:
        table = "organization_domains"
        table_description = "Email domains of organizations"
        indexes = (("organization_id",),)


async def find_organization_by_domain(verified_email: str) -> Organization | None:
    """The organization that a new customer with this address joins, if any.

    The caller must have verified that the person owns the address: it was confirmed by a link, or a
    trusted identity provider says so. Only active organizations with `matches_domains` are found.
    The domain must be equal; a domain does not include its subdomains.
    """
    domain = verified_email.strip().lower().rpartition("@")[2]
    if domain in PUBLIC_MAIL_DOMAINS or not is_domain(domain):
        return None
    found = await OrganizationDomain.get_or_none(domain=domain).select_related("organization")
    if found is None:
        return None
    organization = found.organization
    return organization if organization.active and organization.matches_domains else None


def is_domain(text: str) -> bool:
    return len(text) <= MAX_DOMAIN_CHARS and DOMAIN_PATTERN.fullmatch(text) is not None


def clean_domains(values: Sequence[str], *path: str, max_domains: int) -> list[str]:
    """The sorted domains without duplicates. Raises InvalidInput for the input field `path`."""
    if len(values) > max_domains:
        message = f"must have at most {max_domains} domains; it has {len(values)}"
        raise InvalidInput(
            UserErrorCode.TOO_LONG, message, *path, limit_name="organization_domains"
        )
    return sorted({clean_domain(value, *path) for value in values})


def clean_domain(value: str, *path: str) -> str:
    domain = clean_text(value, *path, max_chars=MAX_DOMAIN_CHARS).lower()
    if not is_domain(domain):
        message = "must be a domain in ASCII without @ or final dot, such as example.com"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    if domain in PUBLIC_MAIL_DOMAINS:
        message = f"must not be a public mail domain such as {domain}, where anyone has an address"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    return domain
