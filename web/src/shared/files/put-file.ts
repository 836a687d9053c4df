// Sends a file to its upload URL. XMLHttpRequest, because fetch does not tell the progress.

import { m } from "../messages";

/** The file has arrived with an earlier attempt. */
const ALREADY_UPLOADED = 409;

interface ErrorBody {
  readonly errors?: readonly { readonly message: string }[];
}

/** Resolves when the server has stored the file. Rejects with the server's reason. */
export function putFile(
  url: string,
  file: File,
  onProgress: (progress: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    signal.addEventListener("abort", () => request.abort());
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const isStored = request.status < 300 || request.status === ALREADY_UPLOADED;
      if (isStored) resolve();
      else reject(new Error(reasonOf(request)));
    };
    request.onerror = () => reject(new Error(m.files_upload_interrupted()));
    request.onabort = () => reject(new Error(m.files_upload_cancelled()));
    request.open("PUT", url);
    request.send(file);
  });
}

function reasonOf(request: XMLHttpRequest): string {
  try {
    const { errors } = JSON.parse(request.responseText) as ErrorBody;
    if (errors?.[0]) return errors[0].message;
  } catch {
    // It is not the server's response, but for example a proxy's page.
  }
  return m.files_upload_status({ status: request.status });
}
