// Verifies the signatures of requests (AWS Signature Version 4), which s3rver does not do.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

const ALGORITHM = "AWS4-HMAC-SHA256";

/** Middleware of Koa that refuses requests whose signature is missing or wrong. */
export function requireSignature(secrets) {
  return async (context, next) => {
    if (isSigned(context.req, secrets)) return next();
    context.status = 403;
    context.type = "application/xml";
    context.body = "<Error><Code>SignatureDoesNotMatch</Code></Error>";
  };
}

/** Whether a request has the signature of a known key, in its query or its headers. */
function isSigned(request, secrets) {
  const [path, query = ""] = request.url.split("?");
  const parameters = [...new URLSearchParams(query)];
  const values = new Map(parameters);
  const isPresigned = values.get("X-Amz-Algorithm") === ALGORITHM;
  const signed = isPresigned ? readQuery(values) : readHeaders(request.headers);
  const [keyId, ...scope] = (signed.credential ?? "").split("/");
  const secret = secrets[keyId];
  if (secret === undefined || scope.length !== 4 || !signed.signature) return false;
  const names = (signed.headers ?? "").split(";");
  if (!names.includes("host")) return false;
  const canonical = [
    request.method,
    path,
    encodeQuery(parameters),
    ...names.map((name) => `${name}:${(request.headers[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    names.join(";"),
    signed.payload,
  ].join("\n");
  const digest = createHash("sha256").update(canonical).digest("hex");
  const text = [ALGORITHM, signed.date, scope.join("/"), digest].join("\n");
  const key = scope.reduce(sign, `AWS4${secret}`);
  return isEqual(sign(key, text).toString("hex"), signed.signature);
}

function readQuery(values) {
  return {
    credential: values.get("X-Amz-Credential"),
    headers: values.get("X-Amz-SignedHeaders"),
    signature: values.get("X-Amz-Signature"),
    date: values.get("X-Amz-Date"),
    payload: "UNSIGNED-PAYLOAD",
  };
}

function readHeaders(headers) {
  const [algorithm, ...rest] = (headers.authorization ?? "").split(" ");
  if (algorithm !== ALGORITHM) return {};
  const parts = Object.fromEntries(
    rest.join("").split(",").map((part) => part.split(/=(.*)/s).slice(0, 2)),
  );
  return {
    credential: parts.Credential,
    headers: parts.SignedHeaders,
    signature: parts.Signature,
    date: headers["x-amz-date"],
    payload: headers["x-amz-content-sha256"],
  };
}

function encodeQuery(parameters) {
  return parameters
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
}

function encode(text) {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sign(key, text) {
  return createHmac("sha256", key).update(text).digest();
}

function isEqual(first, second) {
  return first.length === second.length && timingSafeEqual(Buffer.from(first), Buffer.from(second));
}
