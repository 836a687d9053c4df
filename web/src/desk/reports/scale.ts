// Round numbers: steps for the axes of charts, and shares.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const DURATION_STEPS = [
  ...[MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR],
  ...[DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 84 * DAY],
];
const MAX_STEPS = 4;

/** The values of the grid's lines, from 0 to at least the maximum. */
export function countTicks(maximum: number): number[] {
  const rough = Math.max(1, maximum / MAX_STEPS);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  return ticksOf(Math.ceil(step), maximum);
}

/** The same for durations in seconds. */
export function durationTicks(maximum: number): number[] {
  const rough = maximum / MAX_STEPS;
  const step = DURATION_STEPS.find((each) => each >= rough) ?? Math.ceil(rough / DAY) * DAY;
  return ticksOf(step, maximum);
}

/** The share of a part in tenths of a percent, rounded down: only the whole is 1. */
export function shareOf(part: number, whole: number): number {
  return Math.floor((part * 1000) / whole) / 1000;
}

function ticksOf(step: number, maximum: number): number[] {
  const count = Math.max(1, Math.ceil(maximum / step));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}
