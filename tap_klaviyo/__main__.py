"""`python -m tap_klaviyo` is `tap-klaviyo`."""

from tap_klaviyo.tap import TapKlaviyo

TapKlaviyo.cli()
