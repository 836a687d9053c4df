"""Names of people and of organizations, none of them real, and the addresses that follow from them."""

from __future__ import annotations

import unicodedata
from random import Random

FIRST = (
    "Ada", "Aiko", "Alejandro", "Amara", "Amina", "Andrea", "Anna", "Arjun", "Beatriz", "Ben", "Camille", "Carlos", "Chen",
    "Chloé", "Clara", "Daniel", "Deniz", "Diego", "Elena", "Elif", "Emma", "Erik", "Fatima", "Felix", "Filip", "Gabriela",
    "Giulia", "Hana", "Hugo", "Ines", "Ingrid", "Isaac", "Ivan", "Jana", "Jasper", "João", "Jonas", "Julia", "Kaito", "Karim",
    "Katarina", "Kwame", "Laila", "Lars", "Laura", "Leo", "Lina", "Luca", "Lucía", "Maja", "Malik", "Marek", "María", "Marta",
    "Mateo", "Mei", "Mia", "Milan", "Mohamed", "Nadia", "Niamh", "Nina", "Noah", "Nora", "Olga", "Oliver", "Omar", "Oscar",
    "Paula", "Pavel", "Petra", "Priya", "Rafael", "Ravi", "Rosa", "Ruth", "Samir", "Sara", "Sofia", "Sven", "Tadeusz", "Tara",
    "Theo", "Tomás", "Uma", "Valentina", "Vera", "Victor", "Wei", "Yara", "Yuki", "Yusuf", "Zoë", "Zsófia",
)  # fmt: skip
LAST = (
    "Abara", "Adeyemi", "Almeida", "Andersson", "Aydin", "Bakker", "Banerjee", "Becker", "Bianchi", "Bonnet", "Brandt", "Castro",
    "Chowdhury", "Costa", "Dahl", "De Vries", "Diallo", "Dubois", "Eklund", "Eriksen", "Esposito", "Farkas", "Ferrari", "Fischer",
    "Fontaine", "Garcia", "Gupta", "Haddad", "Hansen", "Hartmann", "Horvat", "Hussein", "Ito", "Ivanova", "Jansen", "Jensen",
    "Kaya", "Keller", "Khan", "Kim", "Kovács", "Kowalski", "Kruger", "Laine", "Larsen", "Lehtonen", "Lindqvist", "Lopez",
    "Marchetti", "Martin", "Mendes", "Meyer", "Mori", "Murphy", "Nakamura", "Ndiaye", "Nguyen", "Novak", "O'Brien", "Okafor",
    "Oliveira", "Papadakis", "Patel", "Pereira", "Petrov", "Popescu", "Quinn", "Rahman", "Ramos", "Reyes", "Richter", "Rossi",
    "Santos", "Sato", "Schmidt", "Silva", "Singh", "Smith", "Sokolov", "Suzuki", "Svoboda", "Takahashi", "Tanaka", "Torres",
    "Vargas", "Virtanen", "Wagner", "Walsh", "Wang", "Weber", "Williams", "Wójcik", "Yilmaz", "Zhang", "Ziegler",
)  # fmt: skip
KINDS_OF_PLACE = (
    "Alder", "Amber", "Aurora", "Basalt", "Bright", "Cedar", "Clear", "Cobalt", "Copper", "Coral", "Delta", "Ember", "Fern",
    "Fjord", "Flint", "Glacier", "Granite", "Harbor", "Hazel", "Heron", "Indigo", "Iron", "Juniper", "Kestrel", "Lark", "Linden",
    "Lunar", "Maple", "Marble", "Meadow", "Mistral", "North", "Oak", "Ocean", "Olive", "Onyx", "Opal", "Orchard", "Osprey",
    "Pebble", "Pine", "Polar", "Prairie", "Quartz", "Raven", "Reed", "Ridge", "River", "Rowan", "Saffron", "Sage", "Silver",
    "Slate", "Spruce", "Stone", "Summit", "Swift", "Tidal", "Timber", "Umber", "Valley", "Violet", "Willow", "Wren",
)  # fmt: skip
KINDS_OF_WORK = (
    "Analytics", "Apparel", "Architects", "Audio", "Biotech", "Books", "Brewing", "Cycles", "Dental", "Design", "Diagnostics",
    "Education", "Energy", "Event Tickets", "Fashion", "Films", "Foods", "Freight", "Furniture", "Games", "Health", "Home",
    "Hotels", "Insurance", "Interactive", "Labs", "Learning", "Legal", "Logistics", "Maps", "Media", "Mobility", "Music",
    "Optics", "Outdoor", "Payments", "Pharma", "Press", "Printing", "Properties", "Radio", "Recruiting", "Robotics", "Security",
    "Sensors", "Software", "Solar", "Sports", "Studio", "Systems", "Telecom", "Textiles", "Toys", "Travel", "Trading", "Water",
)  # fmt: skip


def person(random: Random) -> str:
    return f"{random.choice(FIRST)} {random.choice(LAST)}"


def organization(random: Random) -> str:
    return f"{random.choice(KINDS_OF_PLACE)} {random.choice(KINDS_OF_WORK)}"


def plain(name: str, between: str) -> str:
    """The name as addresses have it: lower case ASCII letters and digits, words joined by `between`."""
    letters = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return between.join("".join(filter(str.isalnum, word)) for word in letters.split())


def domain(organization: str) -> str:
    """A domain of the organization's that nobody can own (RFC 2606, section 2)."""
    return f"{plain(organization, '-')}.example"


def email(person: str, domain: str, taken: set[str]) -> str:
    """An address for the person that is not taken yet, and is from now on."""
    local, place = plain(person, "."), 1
    found = f"{local}@{domain}"
    while found in taken:
        place += 1
        found = f"{local}{place}@{domain}"
    taken.add(found)
    return found
