// What the programs beside this one share: what they are asked to do, and what they print of it.
// Each follows a clinic from a cursor until so many notifications have come, through cuts, and prints each as a line of JSON.

export const wish = JSON.parse(process.argv[2]); // { url, token, clinics, after, count }
export const authorization = `Bearer ${wish.token}`;
export const socketUrl = wish.url.replace("http", "ws");

export const NOTIFICATIONS = `subscription Feed($clinics: [HsaId!]!, $after: Cursor) {
  clinicNotifications(clinics: $clinics, after: $after) { cursor toVersion }
}`;

// Always the last cursor that was handled: going on from the first one would repeat everything since.
let cursor = wish.after;
let told = 0;

export const variables = () => ({ clinics: wish.clinics, after: cursor });

/** Handles one notification, then keeps its cursor. Ends the program after the last one. */
export function handle(notification) {
  console.log(JSON.stringify(notification));
  cursor = notification.cursor;
  told += 1;
  if (told === wish.count) process.exit(0);
}

/** A refusal is an answer, not a cut: asking again would be answered the same. */
export function refuse(errors) {
  console.log(JSON.stringify({ refused: errors.map((error) => error.extensions.code) }));
  process.exit(0);
}

/** Begins again after each cut, a little later each time. `follow` resolves when the connection has broken. */
export async function throughCuts(follow) {
  for (let wait = 50; ; wait = Math.min(2 * wait, 1000)) {
    await follow();
    await new Promise((resolve) => setTimeout(resolve, wait * Math.random()));
  }
}
