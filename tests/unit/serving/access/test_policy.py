from fastapi.routing import APIRoute

from serving.access.policy import NEEDS, needed
from serving.access.principals import ADMIN
from serving.models import Model
from tests.unit.serving.test_app import Api


def test_every_route_of_the_api_is_named(models: tuple[Model, Model]) -> None:
    """And every route that is named exists, so that the table stays true."""
    routes = {route.path for route in Api(models).app.routes if isinstance(route, APIRoute)}
    assert routes == set(NEEDS)


def test_a_route_that_is_not_named_is_for_administrators() -> None:
    """Forgotten is closed."""
    assert needed("/users/{user_id}") == ADMIN
