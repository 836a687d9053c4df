// Why changes of tickets were refused. The reason stays until the person has seen it, also if they
// have left the ticket before it arrives.

/** The part of the page where a change was made. Its refusal stands there. */
export type Place =
  | "actions"
  | "status"
  | "assignee"
  | "team"
  | "priority"
  | "category"
  | "tags"
  | "resources"
  | "watchers"
  | "links"
  | "customer"
  | `field-${string}`;

export interface Refusal {
  readonly ticketId: string;
  readonly number: number;
  readonly ref: string;
  readonly place: Place;
  readonly text: string;
}

class Refusals {
  all = $state.raw<readonly Refusal[]>([]);

  add(refusal: Refusal): void {
    this.forget(refusal.ticketId, refusal.place);
    this.all = [...this.all, refusal];
  }

  /** The reason that stands at a place of a ticket; empty if there is none. */
  textAt(ticketId: string, place: Place): string {
    const isThere = (each: Refusal): boolean =>
      each.ticketId === ticketId && each.place === place;
    return this.all.find(isThere)?.text ?? "";
  }

  /** Whether a ticket has a reason beside its properties or panels. */
  isInSidebar(ticketId: string): boolean {
    return this.all.some((each) => each.ticketId === ticketId && each.place !== "actions");
  }

  /** Remove what a person has seen, at one place or on the whole ticket. */
  forget(ticketId: string, place?: Place): void {
    const isSeen = (each: Refusal): boolean =>
      each.ticketId === ticketId && (place === undefined || each.place === place);
    if (this.all.some(isSeen)) this.all = this.all.filter((each) => !isSeen(each));
  }
}

export const refusals = new Refusals();
