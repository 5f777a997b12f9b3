"""dualway keeps two object-store buckets in two accounts the same, in both directions.

A message takes one way through the code, and never back; a retry is the queue's business:

    message -> parse -> gather -> decide -> transfer -> record

Read in this order: `model` (the values) and `errors`; `decide` (the table of verdicts), `evidence`
(what it rests on) and `marker` (what our own objects say of themselves); `pipeline` (a batch) and
`evaluation` (one key in it), with `gather` (reading) and `transfer` (one conditional write).

| layer | modules | may import |
|---|---|---|
| values | model, errors | the standard library |
| pure | decide, evidence, marker, events, echo, routing, backoff, parts, compare | values, pure |
| ports | storage.protocol, records.protocol, queues.protocol | values |
| act | pipeline, evaluation, gather, transfer, multipart, stack, settle, worker, verify | above |
| adapters | storage, records, queues | values, pure, their own port |
| wiring | config, peer, telemetry, bootstrap | all of the above |
| for people | cli, local, and outside of this package handlers, scripts | everything |

`stack` holds what the acting modules share: the two sides, the records, the settings, the clock.
Own and peer are the two sides as one deployment sees them; where something moves, it moves from a
source to a destination. `tests/test_architecture.py` checks the layers.
"""
