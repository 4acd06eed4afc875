"""An application for servers that need an object instead of a factory: the result of the factory in SERVED_FACTORY."""

import os
from importlib import import_module

from a2wsgi import WSGIMiddleware
from asgiref.wsgi import WsgiToAsgi

_module, _, _factory = os.environ["SERVED_FACTORY"].partition(":")

wsgi = getattr(import_module(_module), _factory)()
asgiref = WsgiToAsgi(wsgi)  # type: ignore[no-untyped-call]
a2wsgi = WSGIMiddleware(wsgi)
