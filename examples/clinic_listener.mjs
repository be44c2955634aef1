// Follow what clinics are told, and miss nothing: through lost connections, server restarts and restarts of this program.
//
//   npm install graphql-ws ws
//   node clinic_listener.mjs --token "$CLINIC" SE2321000016-1A01
//
// The cursor of the last notification that was handled is kept in a file; after any break the feed goes on after it.

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
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

const { values: given, positionals: clinics } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: "ws://127.0.0.1:8000/graphql" },
    token: { type: "string" },
    cursor: { type: "string", default: "clinic_listener.cursor" },
  },
});
if (!given.token || clinics.length === 0) {
  console.error("Usage: node clinic_listener.mjs --token TOKEN [--url URL] [--cursor FILE] HSA-ID ...");
  process.exit(2);
}

/** The cursor that the last run left; null where there is none yet. */
const saved = () => (existsSync(given.cursor) ? readFileSync(given.cursor, "utf8") : null);

/** Replace the file in one step: it holds the old cursor or the new one, never half of one. */
function save(cursor) {
  writeFileSync(`${given.cursor}.new`, cursor);
  renameSync(`${given.cursor}.new`, given.cursor);
}

/** One notification for people. */
function line(told) {
  const numbers = [...new Set([told.fromVersion, told.toVersion].filter((number) => number !== null))];
  const parts = [told.at, told.clinic.name, told.action, told.document.name];
  parts.push(numbers.length ? `version ${numbers.join(" → ")}` : "no version");
  if (told.changes.length) parts.push(`changed: ${told.changes.map((change) => change.label).join(", ")}`);
  parts.push(told.residentVisible ? "residents notice" : "staff only", `by ${told.by.role}, ${told.by.unitName}`);
  return [...parts, ...(told.note ? [told.note] : [])].join(" | ");
}

/** An answer, not a cut: asking again would be answered the same. */
function refuse(errors) {
  const [error] = Array.isArray(errors) ? errors : [errors];
  console.error(`Refused: ${error.extensions?.code ?? "UNKNOWN"}: ${error.message ?? error.reason}`);
  process.exit(1);
}

process.on("SIGINT", () => process.exit(0));

let wait = FIRST_WAIT;
const client = createClient({
  url: given.url,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${given.token}` },
  keepAlive: 20_000, // a dead network is noticed also while nothing happens
  retryAttempts: Infinity,
  shouldRetry: () => true,
  // Longer each time, and not in step with others: a restarted server is not met by everyone at once.
  retryWait: async () => {
    const pause = wait * (0.5 + Math.random() / 2);
    console.error(`Cut: the connection was lost. Again in ${(pause / 1000).toFixed(1)} s.`);
    await new Promise((resolve) => setTimeout(resolve, pause));
    wait = Math.min(2 * wait, LONGEST_WAIT);
  },
});

client.subscribe(
  {
    query: FEED,
    // Read anew for each connection: going on from an old cursor would repeat what was shown.
    get variables() {
      return { clinics, after: saved() };
    },
  },
  {
    next: (result) => {
      if (result.errors) refuse(result.errors);
      const told = result.data.clinicNotifications;
      console.log(line(told));
      save(told.cursor); // in the other order, a crash between the two would lose one
      wait = FIRST_WAIT;
    },
    error: refuse,
    complete: () => refuse([{ message: "the server ended the feed" }]),
  },
);
