"""A local server that speaks Akamai NetStorage's HTTP ("Usage") API, for tests and `dualway local`.

Written from Akamai's documentation (https://techdocs.akamai.com/netstorage-usage/reference/api and
the "NetStorage HTTP API Developer Guide", ObjectStore), not from the client in `sync_core.storage`,
of which it imports nothing. It was never compared with Akamai's service. What the documentation
leaves open is decided here, and each such decision is named where it is taken.

Read in this order: `server` (the life of it, and the way of one request), `connection` and `chunks`
(HTTP), `signature` (who may), `paths`, `reading` and `changing` (the actions), `uploads`, `tree`
(files and directories) with `bodies`, `answers` (XML and refusals), `faults` (what goes wrong on
demand), `beside` (the server of `dualway local`).
"""
