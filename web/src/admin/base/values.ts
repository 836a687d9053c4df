// Values of forms, to and from those of the API.
import type { Choice, DurationValue } from "./field";

const ISO = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const UNITS = [["D", 86_400], ["H", 3600], ["M", 60], ["S", 1]] as const;

/** An ISO 8601 duration as an amount of the largest unit that has no rest; hours instead of days. */
export function readDuration(text: string | null, hasDays = false): DurationValue {
  const parts = text === null ? null : ISO.exec(text);
  if (parts === null) return { amount: "", unit: "H" };
  const seconds = UNITS.reduce((sum, [, size], index) => sum + size * Number(parts[index + 1] ?? 0), 0);
  if (seconds === 0) return { amount: "0", unit: "M" };
  const units = hasDays ? UNITS : UNITS.slice(1);
  const [unit, size] = units.find(([, each]) => seconds % each === 0) ?? ["S", 1];
  return { amount: String(seconds / size), unit };
}

/** As an ISO 8601 duration; null without an amount. */
export function writeDuration({ amount, unit }: DurationValue): string | null {
  const text = String(amount ?? "").trim();
  if (text === "") return null;
  return unit === "D" ? `P${text}D` : `PT${text}${unit}`;
}

/** Null for an empty text. */
export function textOrNull(value: unknown): string | null {
  const text = String(value ?? "").trim();
  return text === "" ? null : text;
}

export function numberOrNull(value: unknown): number | null {
  const text = String(value ?? "").trim();
  return text === "" ? null : Number(text);
}

export function idOf(value: unknown): string | null {
  return (value as Choice | null)?.id ?? null;
}

/** A random idempotency key. crypto.randomUUID exists only on pages with HTTPS. */
export function createKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A key from a name: lower-case letters and digits, in words that a sign joins. */
export function toKey(name: string, sign: "-" | "_"): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").replace(/ß/g, "ss").toLowerCase();
  const words = plain.split(/[^a-z0-9]+/).filter(Boolean);
  const key = words.join(sign).slice(0, 64).replace(/[-_]$/, "");
  return sign === "_" ? key.replace(/^[0-9_]+/, "") : key;
}

export const toSlug = (name: string): string => toKey(name, "-");
export const toFieldKey = (name: string): string => toKey(name, "_");
