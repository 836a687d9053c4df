// A report as CSV (RFC 4180). Names come from people, so cells that spreadsheet programs could take
// for formulas begin with an apostrophe, as in exports of the server.

/** Without this byte order mark, Excel reads UTF-8 as the code page of the computer. */
const BYTE_ORDER_MARK = "\uFEFF";
const FORMULA_STARTS = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

export type Cell = string | number | null;

export function encodeCsv(rows: readonly (readonly Cell[])[]): string {
  return BYTE_ORDER_MARK + rows.map((row) => `${row.map(encodeCell).join(",")}\r\n`).join("");
}

function encodeCell(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA_STARTS.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`; // always, so that no cell begins at another separator
}

/** The seconds of an ISO 8601 duration such as P1DT2H3M4S; null for null. */
export function secondsOf(duration: string | null): number | null {
  const match = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(duration ?? "");
  if (match === null) return null;
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((each) => Number(each ?? 0));
  return ((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + seconds;
}
