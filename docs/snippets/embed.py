from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from koku_core import Koku
from koku_core.access import EVERYTHING, Access, Identity
from koku_core.api import create_app
from koku_core.api.errors import NotIdentified

koku = Koku.open()

#: Who may see what: here from a table, in your service from your single sign-on.
PEOPLE = {
    "token-of-the-controller": Identity("default", "controller", EVERYTHING),
    "token-of-the-shop": Identity(
        "default",
        "shop",
        Access(lists={"openshift.cluster": {"read": ("*",)}, "openshift.project": {"read": ("shop", "shop-staging")}}),
    ),
}


async def my_sso(request: Request) -> Identity:
    """Who is asking; may be plain or async."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token not in PEOPLE:
        raise NotIdentified("send the token that you were given")  # 401; NoAccess is 403
    return PEOPLE[token]


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    koku.close()


app = Starlette(routes=[Mount("/costs", create_app(koku, identify=my_sso))], lifespan=lifespan)
