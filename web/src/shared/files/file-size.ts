import { FORMAT } from "../messages";

const numbersOf = (unit: string): Intl.NumberFormat =>
  new Intl.NumberFormat(FORMAT, { style: "unit", unit, maximumFractionDigits: 1 });
const KILOBYTES = numbersOf("kilobyte");
const MEGABYTES = numbersOf("megabyte");

/** The size of a file for people, such as "12 kB" or "1.5 MB". */
export function sizeText(bytes: number): string {
  const kib = bytes / 1024;
  return kib < 1024 ? KILOBYTES.format(Math.ceil(kib)) : MEGABYTES.format(kib / 1024);
}
