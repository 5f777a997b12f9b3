"""AWS Lambda behind Custom::BucketNotification."""

# First of all, because it has to come before botocore.
from handlers.custom_resource import make_handler

# isort: split

from sync_core.launch.bucket_notification import connect

handler = make_handler(connect)
"""The Lambda entry point: keeps the stack's entry in the bucket's notification configuration."""
