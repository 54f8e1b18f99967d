/**
 * Where the link to a terminal stands: data in, data out.
 *
 *   down ─dialed→ greeting ─greeted→ catching_up ─caught_up→ up
 *
 * A cut cable leads down from everywhere. While another account is logged in nothing goes on
 * until the terminal has dialed anew.
 */
export type LinkState = "down" | "greeting" | "catching_up" | "up" | "estranged";

export type LinkEvent = "dialed" | "greeted" | "caught_up" | "account_changed" | "lost";

// biome-ignore format: a table is read by its columns
const moves: Readonly<Record<LinkState, Partial<Readonly<Record<LinkEvent, LinkState>>>>> = {
  down:        { dialed: "greeting" },
  greeting:    { greeted: "catching_up",  account_changed: "estranged", lost: "down" },
  catching_up: { caught_up: "up",         account_changed: "estranged", lost: "down" },
  up:          {                          account_changed: "estranged", lost: "down" },
  estranged:   {                                                        lost: "down" },
};

/** Undefined: that cannot happen there, and changes nothing. */
export const moved = (state: LinkState, event: LinkEvent): LinkState | undefined => moves[state][event];
