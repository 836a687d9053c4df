// The reasons why changes of tickets were refused. A reason stays until the person has seen it, even
// if they leave the ticket before the refusal arrives.

/** The part of the page where a change was made, and where its refusal is shown. */
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

  /** The reason that is shown at a place of a ticket. Empty if there is none. */
  textAt(ticketId: string, place: Place): string {
    const isThere = (each: Refusal): boolean =>
      each.ticketId === ticketId && each.place === place;
    return this.all.find(isThere)?.text ?? "";
  }

  /** Whether a reason is shown in the sidebar of a ticket, beside its properties or panels. */
  isInSidebar(ticketId: string): boolean {
    return this.all.some((each) => each.ticketId === ticketId && each.place !== "actions");
  }

  /** Remove the reasons that a person has seen, at one place or on the whole ticket. */
  forget(ticketId: string, place?: Place): void {
    const isSeen = (each: Refusal): boolean =>
      each.ticketId === ticketId && (place === undefined || each.place === place);
    if (this.all.some(isSeen)) this.all = this.all.filter((each) => !isSeen(each));
  }
}

export const refusals = new Refusals();
