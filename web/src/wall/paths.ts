// The paths of small charts, in a box of 96 × 30.

/** A line. Hours that are null are gaps. A single hour is a short line. */
export function linePath(values: (number | null)[]): string {
  const highest = Math.max(1, ...values.map((each) => each ?? 0));
  return values
    .map((value, index) => {
      if (value === null) return "";
      const y = (28 - (value / highest) * 26).toFixed(1);
      const isFirst = index === 0 || values[index - 1] === null;
      return `${isFirst ? `M${index * 4} ${y}` : ""}L${index * 4 + 2} ${y}`;
    })
    .join("");
}

/** A rectangle for each value, `start` from the left edge of its place of 4. */
export function barPath(values: number[], highest: number, start: number, width: number): string {
  return values
    .map((value, index) => {
      const height = ((value / highest) * 29).toFixed(1);
      return value ? `M${index * 4 + start} 30v-${height}h${width}v${height}z` : "";
    })
    .join("");
}
