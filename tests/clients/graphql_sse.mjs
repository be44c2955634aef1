// graphql-sse with distinct connections. Its own retries are off, because they would send the old
// variables.
import { createClient } from "graphql-sse";
import {
  authorization,
  handle,
  NOTIFICATIONS,
  parameters,
  refuse,
  resubscribe,
  variables,
} from "./following.mjs";

const client = createClient({
  url: parameters.url,
  singleConnection: false,
  headers: { authorization },
  retryAttempts: 0,
});

await resubscribe(
  () =>
    new Promise((broken) => {
      client.subscribe(
        { query: NOTIFICATIONS, variables: variables() },
        {
          next: (result) =>
            result.errors ? refuse(result.errors) : handle(result.data.clinicNotifications),
          error: broken,
          complete: broken,
        },
      );
    }),
);
