// Shared by the client programs in this folder. Each follows clinics from a cursor, reconnects
// after a cut, and prints each notification as a line of JSON. It ends after a number of them.

export const parameters = JSON.parse(process.argv[2]); // { url, token, clinics, after, count }
export const authorization = `Bearer ${parameters.token}`;
export const socketUrl = parameters.url.replace("http", "ws");

export const NOTIFICATIONS = `subscription Feed($clinics: [HsaId!]!, $after: Cursor) {
  clinicNotifications(clinics: $clinics, after: $after) { cursor toVersion }
}`;

// The last handled cursor. Continuing from the first one would repeat all later notifications.
let cursor = parameters.after;
let delivered = 0;

export const variables = () => ({ clinics: parameters.clinics, after: cursor });

/** Handles one notification, then keeps its cursor. Ends the program after the last one. */
export function handle(notification) {
  console.log(JSON.stringify(notification));
  cursor = notification.cursor;
  delivered += 1;
  if (delivered === parameters.count) process.exit(0);
}

/** Prints the codes of a refusal and ends the program. A retry would be refused again. */
export function refuse(errors) {
  console.log(JSON.stringify({ refused: errors.map((error) => error.extensions.code) }));
  process.exit(0);
}

/**
 * Subscribes again after each cut, with a longer wait each time.
 * `follow` resolves when the connection has broken.
 */
export async function resubscribe(follow) {
  for (let wait = 50; ; wait = Math.min(2 * wait, 1000)) {
    await follow();
    await new Promise((resolve) => setTimeout(resolve, wait * Math.random()));
  }
}
