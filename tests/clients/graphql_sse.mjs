// graphql-sse in the mode of distinct connections. Its own retries would send the old variables: they are off.
import { createClient } from "graphql-sse";
import { authorization, handle, NOTIFICATIONS, refuse, throughCuts, variables, wish } from "./following.mjs";

const client = createClient({ url: wish.url, singleConnection: false, headers: { authorization }, retryAttempts: 0 });

await throughCuts(
  () =>
    new Promise((broken) => {
      client.subscribe(
        { query: NOTIFICATIONS, variables: variables() },
        {
          next: (result) => (result.errors ? refuse(result.errors) : handle(result.data.clinicNotifications)),
          error: broken,
          complete: broken,
        },
      );
    }),
);
