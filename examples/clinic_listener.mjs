// Follow the notifications of clinics without missing any: through lost connections, server
// restarts and restarts of this program.
//
//   npm install graphql-ws ws
//   node clinic_listener.mjs --token "$CLINIC" SE2321000016-1A01
//
// The cursor of the last printed notification is saved in a file. The next connection continues
// after it.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const FEED = `subscription Feed($clinics: [HsaId!]!, $after: Cursor) {
  clinicNotifications(clinics: $clinics, after: $after, fromAcknowledged: true) {
    cursor action fromVersion toVersion residentVisible at note
    clinic { hsaId name } document { name } by { role unitName } changes { label }
  }
}`;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;

const { values: given, positionals: clinics } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: "ws://127.0.0.1:8000/graphql" },
    token: { type: "string" },
    cursor: { type: "string", default: "clinic_listener.cursor" },
  },
});
if (!given.token || clinics.length === 0) {
  console.error(
    "Usage: node clinic_listener.mjs --token TOKEN [--url URL] [--cursor FILE] HSA-ID ...",
  );
  process.exit(2);
}

/** Read the saved cursor; null where there is none yet. */
const saved = () => (existsSync(given.cursor) ? readFileSync(given.cursor, "utf8") : null);

/** Save the cursor by replacing the file, so that it never contains a part of one. */
function save(cursor) {
  writeFileSync(`${given.cursor}.new`, cursor);
  renameSync(`${given.cursor}.new`, given.cursor);
}

/** Format a notification as one line. */
function line(notification) {
  const { at, clinic, action, document, fromVersion, toVersion, by, note } = notification;
  const versions = [fromVersion, toVersion].filter((number) => number !== null);
  const numbers = [...new Set(versions)];
  const parts = [at, clinic.name, action, document.name];
  parts.push(numbers.length ? `version ${numbers.join(" → ")}` : "no version");
  if (notification.changes.length) {
    parts.push(`changed: ${notification.changes.map((change) => change.label).join(", ")}`);
  }
  parts.push(notification.residentVisible ? "residents notice" : "staff only");
  parts.push(`by ${by.role}, ${by.unitName}`);
  return [...parts, ...(note ? [note] : [])].join(" | ");
}

/** Exit: the server refused, and a retry would be refused too. */
function refuse(errors) {
  const [error] = Array.isArray(errors) ? errors : [errors];
  const code = error.extensions?.code ?? "UNKNOWN";
  console.error(`Refused: ${code}: ${error.message ?? error.reason}`);
  process.exit(1);
}

process.on("SIGINT", () => process.exit(0));

let wait = FIRST_WAIT_MS;
const client = createClient({
  url: given.url,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${given.token}` },
  keepAlive: 20_000, // detects a dead network while there are no notifications
  retryAttempts: Infinity,
  shouldRetry: () => true,
  // Wait longer each time, with jitter, so that a restarted server is not overloaded.
  retryWait: async () => {
    const pause = wait * (0.5 + Math.random() / 2);
    console.error(`Cut: the connection was lost. Again in ${(pause / 1000).toFixed(1)} s.`);
    await new Promise((resolve) => setTimeout(resolve, pause));
    wait = Math.min(2 * wait, MAX_WAIT_MS);
  },
});

client.subscribe(
  {
    query: FEED,
    // Read the cursor for each connection: an old one would repeat notifications.
    get variables() {
      return { clinics, after: saved() };
    },
  },
  {
    next: (result) => {
      if (result.errors) refuse(result.errors);
      const notification = result.data.clinicNotifications;
      console.log(line(notification));
      // Save after printing: a crash between the two must not lose a notification.
      save(notification.cursor);
      wait = FIRST_WAIT_MS;
    },
    error: refuse,
    complete: () => refuse([{ message: "the server ended the feed" }]),
  },
);
