"""Where settings come from: command line, environment and secret files, `shop.toml`, defaults, in this order.

`keys` says what can be set, `values` how a text is read, `sources` where texts are found, `loading` puts them together.
"""

from shop.configuration.loading import Loaded, load
from shop.configuration.problems import Fault, InvalidSettings

__all__ = ["Fault", "InvalidSettings", "Loaded", "load"]
