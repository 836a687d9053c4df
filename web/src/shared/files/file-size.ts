// The size of a file in the unit in which people read it. 1 kB is 1000 bytes, and 1 MB is 1000 kB.

interface FileSize {
  readonly amount: number;
  readonly unit: "kilobyte" | "megabyte";
}

/** Whole kilobytes, rounded up, or megabytes. */
export function fileSize(bytes: number): FileSize {
  const kilobytes = Math.ceil(bytes / 1000);
  if (kilobytes < 1000) return { amount: kilobytes, unit: "kilobyte" };
  return { amount: bytes / 1_000_000, unit: "megabyte" };
}
