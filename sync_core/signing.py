"""Has botocore sign in Python: importing this module is all there is to it.

Import it before anything that imports botocore. Where `awscrt` can be imported, botocore would sign
with it, and it refuses the streamed bodies that every transfer has. botocore offers no other way to
tell it.
"""

import os

os.environ["BOTO_DISABLE_CRT"] = "true"
