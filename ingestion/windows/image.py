"""Images: the raw state of an object as flat names and numpy arrays, for snapshots.

The arrays of an image are views of the object's own, not copies: whoever takes one writes it out before the object
changes again, or lets a forked child do it. An object that is made from an image takes over those of its arrays that have
a room of their own (see `memory`), as they have when they are read into `memory.zeros`; it copies the others.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ingestion.windows.memory import has_room

Image = dict[str, NDArray[Any]]
_BETWEEN = "."


class ImageError(ValueError):
    """An image that does not fit what should be made from it."""


def nest(prefix: str, image: Mapping[str, NDArray[Any]]) -> Image:
    """The image of a part, under names of its own inside a larger image."""
    return {f"{prefix}{_BETWEEN}{name}": array for name, array in image.items()}


def part(image: Mapping[str, NDArray[Any]], prefix: str) -> Image:
    """What `nest` put under a prefix; empty when there is nothing."""
    start = prefix + _BETWEEN
    return {name[len(start) :]: array for name, array in image.items() if name.startswith(start)}


def take(
    image: Mapping[str, NDArray[Any]], name: str, dtype: DTypeLike, *, dimensions: int = 1
) -> NDArray[Any]:
    """An array of an image, contiguous, for the caller to write to.

    Raises:
        ImageError: there is none of this name, or it has another type or number of dimensions.
    """
    if name not in image:
        raise ImageError(f"the image has no array {name!r}; it has {sorted(image)}")
    array = image[name]
    if array.dtype != np.dtype(dtype) or array.ndim != dimensions:
        raise ImageError(
            f"array {name!r} of the image is {array.dtype} with {array.ndim} dimensions, "
            f"not {np.dtype(dtype)} with {dimensions}"
        )
    return array if has_room(array) else np.array(array, order="C")


def as_array(value: Any) -> NDArray[np.uint8]:
    """A JSON value as an array of its bytes."""
    return np.frombuffer(json.dumps(value, sort_keys=True).encode(), dtype=np.uint8)


def as_value(array: NDArray[Any]) -> Any:
    """The JSON value behind `as_array`.

    Raises:
        ImageError: the array is something else.
    """
    try:
        return json.loads(array.tobytes())
    except ValueError as error:
        raise ImageError(f"an array of the image is no JSON: {error}") from error
