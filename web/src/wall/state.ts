// What the server tells a screen. The texts in it are names of teams, and the screen's own name.
export interface Hour {
  hour: string;
  created: number;
  resolved: number;
}

export interface BreachingTicket {
  ref: string;
  team: string;
  priority: "LOW" | "NORMAL" | "HIGH" | "URGENT";
  status: "NEW" | "OPEN" | "WAITING_ON_CUSTOMER" | "ON_HOLD" | "RESOLVED" | "CLOSED";
  metric: "FIRST_RESPONSE" | "NEXT_RESPONSE" | "RESOLUTION";
  isAtRisk: boolean;
  breachesAt: string;
}

export interface Figures {
  open: number;
  unassigned: number;
  atRisk: number;
  breached: number;
  oldestOpenAt: string | null;
}

export interface BoardState {
  screen: { name: string; board: string; team: string | null };
  revision: string;
  /** When the server knew that the content is current, by its own clock. */
  asOf: string;
  figures: Figures;
  hours: Hour[];
  tickets: BreachingTicket[];
}

/** Every response has the server's time and its version. */
export type StateResponse = { now: string; version: string } & (
  | BoardState
  | { pairing: { code: string } }
);
