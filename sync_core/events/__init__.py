"""From the text of a queue message to typed events; pure, and total: no string makes it raise.

Reading order: `message` takes the text apart and knows the shapes; `records` (S3's notification,
and what is the same at MinIO and Ceph), `eventbridge`, `oss`, `cos`, `kodo`, `job` and `part_job`
read one shape each; `invocation` opens what a Lambda function was invoked with; `names` says which
event means what; `fields` holds what is demanded of a key and of the optional fields; `decoding`
comes first of all.
"""

from sync_core.events.job import PEER_HINT, job_body
from sync_core.events.message import Parsed, parse
from sync_core.events.part_job import asks_for_parts, part_job_body

__all__ = ["PEER_HINT", "Parsed", "asks_for_parts", "job_body", "parse", "part_job_body"]
