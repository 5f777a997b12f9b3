"""dualway keeps two object-store buckets in two accounts the same, in both directions.

A message takes one way through the code, and never back; a retry is the queue's business:

    message -> parse -> gather -> decide -> check -> transfer -> record

Beside it, `finder` compares both sides now and then, and sends messages like everybody else.

Read in this order: `model` (the values) and `errors`; `decide` (the table of verdicts), `evidence`
(what it rests on) and `marker` (what our own objects say of themselves); `pipeline` (a batch) and
`evaluation` (one key in it), with `gather` (reading), `transfer` (one conditional write), `losers`
(what it took the place of) and `agreement` (what is recorded then); `large` with `multipart`,
`sharing` and `part_work` (objects in parts); `finder` with `hints`; `guard` with `safety`.

| layer | modules | may import |
|---|---|---|
| values | model, errors | the standard library |
| pure: deciding | decide, evidence, marker, tags, agreement, hints, safety | values, pure |
| pure: which keys | routing, prefix_list, ranges | same |
| pure: the rest | events, occasion, echo, draft, holds, backoff, parts, checksums, compare | same |
| pure: for people | entries, notifications | same |
| ports | `*protocol` in storage, records, queues; storage.sync_store | values |
| act: keys | pipeline, in_hand, evaluation, gather, claim, transfer, copy_task, losers | above |
| act: keys, besides | blocked, tagging | same |
| act: large objects | large, streamed, multipart, sharing, part_work, watch | above |
| act: uploads, besides | standing, orphans | same |
| act: around | stack, outcomes, settle, worker, schedule | above |
| act: finding | turn, finder, shared_round | above |
| act: guards | guard, sentinel, journal | above |
| act: to see | probe, explain, conflicts, verify | above |
| adapters | storage, records, queues | values, pure, their own port |
| wiring | config, variables, policies, remote, connections, assembly | all of the above |
| wiring: at the top | signing, telemetry, startup, forwarder, bootstrap | all of the above |
| for people | cli, launch, local, and outside of this package handlers, scripts | everything |

`stack` holds what the acting modules share: the two sides, the records, the settings, the clock.
Own and peer are the two sides as one deployment sees them; where something moves, it moves from a
source to a destination. `tests/test_architecture.py` checks the layers.
"""
