// An S3-compatible server: node server.mjs <port> <directory>.
// It refuses requests with a missing or wrong signature, and expired URLs.
// Prints a JSON line when it listens.
import S3rver from "s3rver";
import { requireSignature } from "./signature.mjs";

const [port, directory] = process.argv.slice(2);
const server = new S3rver({
  address: "127.0.0.1",
  port: Number(port),
  silent: true,
  vhostBuckets: false,
  directory,
  configureBuckets: [{ name: "tickets" }],
});
server.middleware.unshift(requireSignature({ S3RVER: "S3RVER" }));
await server.run();
process.stdout.write(`${JSON.stringify({ listening: true })}\n`);
