import { FORMAT } from "../messages";

/** The size of a file for people, such as "12 kB" or "1.5 MB". */
export function sizeText(bytes: number): string {
  const kib = bytes / 1024;
  const [value, unit] = kib < 1024 ? [Math.ceil(kib), "kilobyte"] : [kib / 1024, "megabyte"];
  const format = { style: "unit", unit, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(FORMAT, format).format(value as number);
}
