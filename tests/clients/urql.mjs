// urql over graphql-ws. The exchange passes a payload whose variables are read at each connection.
import { Client, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { pipe, subscribe } from "wonka";
import WebSocket from "ws";
import {
  authorization,
  handle,
  NOTIFICATIONS,
  parameters,
  refuse,
  socketUrl,
  variables,
} from "./following.mjs";

const socket = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50 + 50 * Math.random())),
});

const client = new Client({
  url: parameters.url,
  exchanges: [
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe(
            {
              query: request.query,
              get variables() {
                return { ...request.variables, ...variables() };
              },
            },
            sink,
          ),
        }),
      }),
    }),
  ],
});

pipe(
  client.subscription(NOTIFICATIONS, variables()),
  subscribe(({ data, error }) => {
    if (error) refuse(error.graphQLErrors);
    else handle(data.clinicNotifications);
  }),
);
