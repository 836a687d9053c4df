// An S3-compatible server: node server.mjs <port> <directory>. It refuses expired URLs.
// Prints a JSON line when it listens.
import S3rver from "s3rver";

const [port, directory] = process.argv.slice(2);
const server = new S3rver({
  address: "127.0.0.1",
  port: Number(port),
  silent: true,
  vhostBuckets: false,
  directory,
  configureBuckets: [{ name: "tickets" }],
});
await server.run();
process.stdout.write(`${JSON.stringify({ listening: true })}\n`);
