"""The prediction API.

prometheus_client decides at its import whether values live in memory or in files shared by processes, and importing Feast
makes it choose files. It is imported here, before any module of this package can import Feast.
"""

import prometheus_client as prometheus_client
