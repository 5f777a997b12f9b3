"""AWS Lambda behind Custom::DedicatedUserId."""

# First of all, because it has to come before botocore.
from handlers.custom_resource import make_handler

# isort: split

from sync_core.launch.dedicated_user import connect

handler = make_handler(connect)
"""The Lambda entry point: tells the dedicated user's id, and removes its access keys at the end."""
