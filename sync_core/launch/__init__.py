"""What operators do to their accounts, and the template's custom resources, which act for them.

`custom_resource` speaks CloudFormation's protocol for resources that a Lambda function makes;
`bucket_notification` and `dedicated_user` are those resources.
"""
