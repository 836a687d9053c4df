"""The colours of the design tokens have the contrasts of docs/design.md, in light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[3] / "web" / "src" / "shared" / "tokens.css"
COLOUR = re.compile(r"--([a-z-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));")
BACKGROUNDS = ("page", "panel", "raised", "hover")
TEXTS = ("text", "text-quiet", "accent", "success", "warning", "danger")
MIN_TEXT_CONTRAST = 4.5
MIN_CONTROL_CONTRAST = 3.0


def read_colours() -> dict[str, tuple[str, str]]:
    """The light and the dark value of each colour."""
    found = COLOUR.findall(CSS.read_text())
    return {name: (light or both, dark or both) for name, light, dark, both in found}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_texts_and_controls_can_be_seen(mode: int) -> None:
    colours = {name: values[mode] for name, values in read_colours().items()}
    pairs = [(text, back, MIN_TEXT_CONTRAST) for text in TEXTS for back in BACKGROUNDS]
    pairs += [("text", "note", MIN_TEXT_CONTRAST), ("text-quiet", "note", MIN_TEXT_CONTRAST)]
    pairs += [("on-accent", "accent-fill", MIN_TEXT_CONTRAST)]
    pairs += [("control-border", back, MIN_CONTROL_CONTRAST) for back in ("page", "panel")]
    weak = {
        (front, back): round(contrast(colours[front], colours[back]), 2)
        for front, back, minimum in pairs
        if contrast(colours[front], colours[back]) < minimum
    }
    assert weak == {}
