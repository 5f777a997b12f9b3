"""What operators do to an account: launch, destroy, rotate; the template's custom resources; logs.

Read `settings` (what the operator wrote) and `template` first, then `launcher`, which goes through
the steps: `accounts`, `preflight` (whose judgements are the pure `findings`), `packages` and
`artifacts`, `stacks` (shown by the pure `changes`), `keys`, `proof`. `removal` takes away what a
launch has made; `rotation` replaces the dedicated users' key pairs. Every wait is one of `waiting`
and has a deadline. Where one side is not in AWS, `store_rules` says what its table needs,
`store_secret` keeps what it is reached with, `store_check` tries it, `other_store` says what
follows, `occupied` finds stacks of other pairs under its names, and `feed_user` makes the user of a
bucket that is only fed. Nothing here talks to a terminal: lines go to a `Tell`.

`custom_resource` speaks CloudFormation's protocol for resources that a Lambda function makes;
`bucket_notification` and `dedicated_user` are the two resources. `packages*` build the zips;
`logs`, `log_pattern` and `queries` read what the functions have logged.
"""
