// The desk's pages other than the list and the tickets. OtherPage loads each when a person opens it.
import { m } from "../shared/messages";
import type { Viewer } from "./documents";
import type { PageName } from "./router.svelte";

interface Page {
  readonly name: PageName;
  readonly title: () => string;
  /** Whether only admins may see it. */
  readonly isForAdmins: boolean;
}

const PAGES: readonly Page[] = [
  { name: "reports", title: m.shell_reports, isForAdmins: false },
  { name: "webhooks", title: m.shell_webhooks, isForAdmins: true },
];

export function pagesOf(viewer: Viewer): readonly Page[] {
  return PAGES.filter((each) => !each.isForAdmins || viewer.role === "ADMIN");
}
