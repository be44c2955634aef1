// Apollo Client over graphql-ws. Apollo copies the variables when it subscribes. So the retries of
// the socket are off, and the program subscribes again.
import { ApolloClient, gql, InMemoryCache } from "@apollo/client/core";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import {
  authorization,
  handle,
  NOTIFICATIONS,
  refuse,
  resubscribe,
  socketUrl,
  variables,
} from "./following.mjs";

const socket = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
  retryAttempts: 0,
});
const client = new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() });

await resubscribe(
  () =>
    new Promise((broken) => {
      const options = {
        query: gql(NOTIFICATIONS),
        variables: variables(),
        fetchPolicy: "no-cache",
      };
      client.subscribe(options).subscribe({
        next: ({ data, error }) => {
          if (CombinedGraphQLErrors.is(error)) refuse(error.errors);
          else if (error) broken();
          else handle(data.clinicNotifications);
        },
        error: broken,
        complete: broken,
      });
    }),
);
