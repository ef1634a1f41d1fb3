from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from koku_core import Koku
from koku_core.access import Access, Identity
from koku_core.api import create_app

koku = Koku.open()


def my_sso(request: Request) -> Identity:
    """Who is asking: here everybody is a reader of one cluster; yours asks your single sign-on."""
    return Identity("default", "reader", Access(lists={"openshift.cluster": {"read": ("my-ocp-cluster-1",)}}))


app = Starlette(routes=[Mount("/costs", create_app(koku, identify=my_sso))])
