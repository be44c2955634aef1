// Apollo Client over graphql-ws. Apollo copies the variables when it subscribes, so the socket's own retries are off and it subscribes anew.
import { ApolloClient, gql, InMemoryCache } from "@apollo/client/core";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { authorization, handle, NOTIFICATIONS, refuse, socketUrl, throughCuts, variables } from "./following.mjs";

const socket = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0 });
const client = new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() });

await throughCuts(
  () =>
    new Promise((broken) => {
      client.subscribe({ query: gql(NOTIFICATIONS), variables: variables(), fetchPolicy: "no-cache" }).subscribe({
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
