// graphql-ws alone. It reconnects by itself and reads the payload again each time, so a getter
// returns the newest cursor.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import {
  authorization,
  handle,
  NOTIFICATIONS,
  refuse,
  socketUrl,
  variables,
} from "./following.mjs";

const client = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50 + 50 * Math.random())),
});

const roles = client.iterate({ query: "{ viewer { roles } }" });
console.log(JSON.stringify((await roles.next()).value.data.viewer));

client.subscribe(
  {
    query: NOTIFICATIONS,
    get variables() {
      return variables();
    },
  },
  {
    next: (result) =>
      result.errors ? refuse(result.errors) : handle(result.data.clinicNotifications),
    error: (errors) => refuse(errors),
    complete: () => {},
  },
);
