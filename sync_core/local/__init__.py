"""The embedded two-account cloud, for trying dualway and for testing it without AWS.

Read `cloud` first: it ties together `emulator` (ministack in a thread, behind `gateway`, on
`server`), `launch` (cfn/site.yaml in both accounts), `role_credentials` and `workers` (a worker
process per site, under its role), and `chaos`. `gaps` mends what the emulator does differently from
AWS. This package needs the extra `[local]`; nothing else in dualway imports it but the command
line.
"""
