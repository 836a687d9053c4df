// Compresses the files of a build, so that the server need not do it for each request.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** Writes each file of a folder also as .gz and .br. The quality of brotli is 0 to 11. */
export function compressFiles(folder, brotliQuality) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: brotliQuality };
  for (const name of readdirSync(folder)) {
    const content = readFileSync(join(folder, name));
    writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content, { params }));
  }
}
