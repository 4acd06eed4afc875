"""Real reverse proxies with temporary configurations, each with several sites on ports of loopback."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.servers.process import free_port, running, status_of

_UNPRIVILEGED = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
_WHEELS = Path(sys.executable).parent


class Site(NamedTuple):
    """The ports of a site."""

    port: int
    http2_port: int
    """The port for HTTP/2 without TLS, which is another one if the proxy needs that."""


class Proxy(NamedTuple):
    """How a proxy is started. In the templates, `{home}` is its folder, and `{site}` is a site's configuration."""

    command: Sequence[str]
    configuration: str
    site: str
    """What is inserted for each site in the configuration as `{sites}`."""
    site_file: str = ""
    """The file for each site, in the folder `sites`."""
    backend: str = ""
    """What is inserted for the application of each site in the configuration as `{backends}`."""


_NGINX = """
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{}}
http {{
    access_log off;
    large_client_header_buffers 4 64k;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    {sites}
}}
"""
_NGINX_SITE = "server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{http2_port} http2;\n{site}\n}}\n"

_TRAEFIK = """
global: {{checkNewVersion: false, sendAnonymousUsage: false}}
providers: {{file: {{directory: "{home}/sites"}}}}
entryPoints:
{sites}
"""
_TRAEFIK_SITE = '  at{port}: {{address: "127.0.0.1:{port}"}}\n'
_TRAEFIK_FILE = """
http:
  routers:
    at{port}: {{rule: "PathPrefix(`/`)", entryPoints: [at{port}], service: at{port}, middlewares: [at{port}]}}
  services:
    at{port}: {{loadBalancer: {{servers: [{{url: "http://{application}"}}]}}}}
  middlewares:
    at{port}:
{indented_site}
"""

_CADDY = "{{\nadmin off\nauto_https off\nservers {{\nprotocols h1 h2c\nmax_header_size 64KB\n}}\n}}\n{sites}"
_CADDY_SITE = "http://:{port} {{\nbind 127.0.0.1\n{site}\n}}\n"
_CADDY_ARGUMENTS = ["run", "--adapter", "caddyfile", "--config", "{home}/configuration.yml"]

_HAPROXY = """
global
  lua-load {home}/latchkey.lua
  tune.bufsize 65536
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
{sites}
"""
_HAPROXY_SITE = "frontend at{port}\nbind 127.0.0.1:{port}\n{site}\ndefault_backend of{port}\n"
_HAPROXY_SITE += "backend of{port}\nserver application {application}\n"


def load_apache_modules(*names: str) -> str:
    """Return the lines of a configuration that load modules of Debian's Apache."""
    return "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in names)


_APACHE = load_apache_modules(
    "mpm_event",
    "authn_core",
    "authz_core",
    "auth_openidc",
    "headers",
    "http2",
    "lua",
    "proxy",
    "proxy_http",
)
_APACHE += """
ServerRoot {home}
ServerName localhost
DefaultRuntimeDir {home}
PidFile {home}/apache.pid
ErrorLog {home}/error.log
LimitRequestFieldSize 65536
Protocols h2c http/1.1
{sites}
"""
_APACHE_SITE = "Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\n{site}\n</VirtualHost>\n"

_ENVOY = """
node: {{id: latchkey, cluster: latchkey}}
dynamic_resources: {{cds_config: {{path_config_source: {{path: "{home}/clusters.yml"}}}}}}
static_resources:
 listeners:
{sites}
 clusters:
{backends}
"""
_ENVOY_SITE = """
 - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
   filter_chains:
   - filters:
     - name: envoy.filters.network.http_connection_manager
       typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: at{port}
        upgrade_configs: [{{upgrade_type: websocket}}]
        route_config:
          virtual_hosts:
            - name: at{port}
              domains: ["*"]
              routes: [{{match: {{prefix: /}}, route: {{cluster: of{port}}}}}]
{indented_site}
"""
_ENVOY_BACKEND = """
 - name: of{port}
   load_assignment:
     cluster_name: of{port}
     endpoints:
       - lb_endpoints:
           - endpoint: {{address: {{socket_address: {{address: {application_host}, port_value: {application_port}}}}}}}
"""

PROXIES: Mapping[str, Proxy] = {
    "nginx": Proxy(["/usr/sbin/nginx", "-p", "{home}", "-c", "{home}/configuration.yml"], _NGINX, _NGINX_SITE),
    "traefik": Proxy(
        [f"{_WHEELS}/traefik", "--configFile={home}/configuration.yml"], _TRAEFIK, _TRAEFIK_SITE, _TRAEFIK_FILE
    ),
    "caddy": Proxy([f"{_WHEELS}/caddy", *_CADDY_ARGUMENTS], _CADDY, _CADDY_SITE),
    "caddy of Debian": Proxy(["/usr/bin/caddy", *_CADDY_ARGUMENTS], _CADDY, _CADDY_SITE),
    "haproxy": Proxy(["/usr/sbin/haproxy", "-db", "-f", "{home}/configuration.yml"], _HAPROXY, _HAPROXY_SITE),
    "envoy": Proxy(
        [f"{_WHEELS}/envoy", "-c", "{home}/configuration.yml", "--disable-hot-restart", "--concurrency", "1"],
        _ENVOY,
        _ENVOY_SITE,
        backend=_ENVOY_BACKEND,
    ),
    "apache": Proxy(["/usr/sbin/apache2", "-DFOREGROUND", "-f", "{home}/configuration.yml"], _APACHE, _APACHE_SITE),
}
"""The proxies, two of them of Caddy: that of the wheel, and the older one of Debian."""


@contextmanager
def reverse_proxy(
    name: str, sites: Mapping[str, str], files: Mapping[str, str] | None = None, path: str = "/"
) -> Iterator[list[Site]]:
    """Run a proxy until its sites respond; yield their ports.

    `sites` maps the address of each application to the configuration of its site. `files` are more files in the
    folder of the configuration, in which relative paths begin. `path` exists in each application.
    """
    proxy = PROXIES[name]
    # pytest's directory is only accessible to its owner.
    with TemporaryDirectory() as home:
        ports = [_ports(proxy) for _ in sites]
        texts = [_fields(home, *site, at) for site, at in zip(sites.items(), ports, strict=True)]
        Path(home, "sites").mkdir()
        for number, fields in enumerate(texts):
            Path(home, f"sites/{number}.yml").write_text(proxy.site_file.format(**fields))
        for file, content in (files or {}).items():
            Path(home, file).write_text(content)
        inserted = "".join(proxy.site.format(**fields) for fields in texts)
        backends = "".join(proxy.backend.format(**fields) for fields in texts)
        configuration = proxy.configuration.format(home=home, sites=inserted, backends=backends)
        Path(home, "configuration.yml").write_text(configuration)
        process = _start([part.format(home=home) for part in proxy.command], home)
        # Traefik responds with 404 until it has read the files of the sites.
        with running(process, lambda: all(status_of(site.port, path) not in {None, 404} for site in ports)):
            yield ports


def _ports(proxy: Proxy) -> Site:
    port = free_port()
    return Site(port, free_port() if "{http2_port}" in proxy.site else port)


def _fields(home: str, application: str, site: str, at: Site) -> dict[str, object]:
    host, _, backend_port = application.rpartition(":")
    indented = "".join(f"        {line}\n" for line in site.splitlines())
    application_fields = {"application": application, "application_host": host, "application_port": backend_port}
    return {"home": home, "site": site, "indented_site": indented, **application_fields, **at._asdict()}


def _start(command: list[str], home: str) -> subprocess.Popen[bytes]:
    environ = {"PATH": "/usr/sbin:/usr/bin", "HOME": home}
    if _UNPRIVILEGED is None or not command[0].startswith("/usr/"):  # the account cannot read this clone
        return subprocess.Popen(command, cwd=home, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    uid, gid = _UNPRIVILEGED.pw_uid, _UNPRIVILEGED.pw_gid
    os.chown(home, uid, gid)
    return subprocess.Popen(
        command, cwd=home, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        user=uid, group=gid, extra_groups=[],
    )  # fmt: skip
