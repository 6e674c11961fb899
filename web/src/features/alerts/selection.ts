/** Rows chosen by checkbox; shift-click takes all between. Pure, so that it can be tested. */
export interface Selection {
  ids: ReadonlySet<string>;
  /** The row that a shift-click reaches from. */
  anchor: string | null;
}

export const EMPTY: Selection = { ids: new Set(), anchor: null };

/** Toggle one row, or with `range` give every row between it and the anchor the anchor's state. */
export function choose(selection: Selection, order: readonly string[], id: string, range: boolean): Selection {
  const ids = new Set(selection.ids);
  const from = selection.anchor === null ? -1 : order.indexOf(selection.anchor);
  const to = order.indexOf(id);
  if (range && from >= 0 && to >= 0) {
    const on = selection.anchor !== null && selection.ids.has(selection.anchor);
    for (const each of order.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      if (on) ids.add(each);
      else ids.delete(each);
    }
  } else if (ids.has(id)) {
    ids.delete(id);
  } else {
    ids.add(id);
  }
  return { ids, anchor: id };
}

export function chooseAll(order: readonly string[], on: boolean): Selection {
  return { ids: new Set(on ? order : []), anchor: null };
}

/** What is chosen and still in the list. */
export const chosen = (selection: Selection, order: readonly string[]): string[] => order.filter((id) => selection.ids.has(id));
