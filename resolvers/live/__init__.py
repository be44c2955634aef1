"""The live end of the logs: who follows, how far each was told, and telling all of them at once.

An event is made into text once for all who may see the same of it, and sent without waiting for
anybody. Who can't take more is left behind and
served from the log again, at its own pace. Not here: what the text says (schema), how it travels
(schema), where events come from (store).
"""
