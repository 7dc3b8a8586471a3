"""The response engine as it is, with claims that last some seconds less, so that a test need not wait so long."""

import os
from datetime import timedelta

from judgify.console.__main__ import main
from judgify.response import outbox

LEASE_S = 6.0

if __name__ == "__main__":
    outbox.LEASE = timedelta(seconds=float(os.environ["TEST_LEASE_S"]))  # type: ignore[misc]
    main()
