"""The kinds of links between tickets."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class LinkKind(Enum):
    RELATED = "related"
    DUPLICATE_OF = "duplicate_of"
    DUPLICATED_BY = "duplicated_by"
    FOLLOW_UP_OF = "follow_up_of"
    FOLLOWED_UP_BY = "followed_up_by"
    PARENT_OF = "parent_of"
    CHILD_OF = "child_of"


INVERSE_LINK: Mapping[LinkKind, LinkKind] = {
    LinkKind.RELATED: LinkKind.RELATED,
    LinkKind.DUPLICATE_OF: LinkKind.DUPLICATED_BY,
    LinkKind.DUPLICATED_BY: LinkKind.DUPLICATE_OF,
    LinkKind.FOLLOW_UP_OF: LinkKind.FOLLOWED_UP_BY,
    LinkKind.FOLLOWED_UP_BY: LinkKind.FOLLOW_UP_OF,
    LinkKind.PARENT_OF: LinkKind.CHILD_OF,
    LinkKind.CHILD_OF: LinkKind.PARENT_OF,
}
