"""Feast keeps an unset ``${VAR}`` of feature_store.yaml as it stands and goes on; our plug-ins refuse it."""

import re
from collections.abc import Mapping
from typing import Any

# The two forms os.path.expandvars knows; what is still there after Feast expanded the file was not set.
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$([A-Za-z_]\w*)")


def refuse_unset(section: str, settings: Mapping[str, Any]) -> None:
    """Check the string settings of one section of feature_store.yaml.

    Feast appends the path of the file to the message when it reads the file.

    Raises:
        ValueError: naming the setting, its value and the variable that is not set.
    """
    for name, value in settings.items():
        found = _VARIABLE.search(value) if isinstance(value, str) else None
        if found:
            variable = found[1] or found[2]
            raise ValueError(
                f"{section}.{name} in feature_store.yaml is {value!r}, but the environment has no {variable}; "
                f"set {variable} or write the value out"
            )
