"""How long to try: some seconds in `make test`, FUZZ_EXAMPLES times as much in `make test-robust`."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get('FUZZ_EXAMPLES', 60))

# The same examples in every run: what is found at random in one belongs into a test of its own. No deadline: machines
# are busy.
quickly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
