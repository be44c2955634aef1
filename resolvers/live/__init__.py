"""Live delivery of the logs to subscribers: the hub, one channel per log, and the followers.

The payload of an event is made once for all subscribers that may see the same, and sent without
waiting. A subscriber that cannot take more falls behind and is served from the log at its own pace.
Payloads are made in `execution.subscriptions`, transports send them, and events come from
`store.log.feed`.
"""
