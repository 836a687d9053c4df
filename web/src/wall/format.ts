// Times and numbers in words of the screen's language.
import { FORMAT, m } from "../shared/messages";

const TIME = new Intl.DateTimeFormat(FORMAT, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const NUMBER = new Intl.NumberFormat(FORMAT);
const SECONDS = { minute: 60, hour: 3600, day: 86_400 } as const;

export function formatTime(ms: number): string {
  return TIME.format(ms);
}

export function formatNumber(value: number): string {
  return NUMBER.format(value);
}

/** Two units, so that the width hardly changes. `ms` below 0 counts as 0. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(seconds / SECONDS.day);
  const hours = Math.floor((seconds % SECONDS.day) / SECONDS.hour);
  const minutes = Math.floor((seconds % SECONDS.hour) / SECONDS.minute);
  if (days) return m.parts_duration_days_hours({ days, hours });
  if (hours) return m.parts_duration_hours_minutes({ hours, minutes });
  return m.wall_minutes({ minutes, seconds: seconds % 60 });
}
