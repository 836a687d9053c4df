/** What the dialog of the sign-out shows, and what it calls. */
export interface SignOutQuestion {
  /** The texts that this computer has kept, in words. */
  texts: string;
  error: string;
  isBusy: boolean;
  /** Signs out, and deletes the texts if `forgets`. */
  end: (forgets: boolean) => Promise<void>;
  closed: () => void;
}
