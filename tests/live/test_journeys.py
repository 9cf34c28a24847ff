"""Every journey, unchanged, through nginx and the gateway to four services that found each other in Eureka."""

from tests.journeys.test_account import *  # noqa: F403
from tests.journeys.test_coupon import *  # noqa: F403
from tests.journeys.test_crowd import *  # noqa: F403
from tests.journeys.test_files import *  # noqa: F403
from tests.journeys.test_promotion import *  # noqa: F403
from tests.journeys.test_purchase import *  # noqa: F403
