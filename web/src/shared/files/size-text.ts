import { FORMAT } from "../messages";
import { fileSize } from "./file-size";

const unitFormat = (unit: string): Intl.NumberFormat =>
  new Intl.NumberFormat(FORMAT, { style: "unit", unit, maximumFractionDigits: 1 });
const FORMATS = { kilobyte: unitFormat("kilobyte"), megabyte: unitFormat("megabyte") };

/** The size of a file in words, such as "12 kB" or "1.5 MB". */
export function sizeText(bytes: number): string {
  const { amount, unit } = fileSize(bytes);
  return FORMATS[unit].format(amount);
}
