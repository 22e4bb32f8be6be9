# SPDX-License-Identifier: Apache-2.0
"""HTTPS servers for test-https.c, on free ports of 127.0.0.1.

Usage: https-server.py DIRECTORY

Makes certificates with the openssl command in DIRECTORY (root.pem and stranger.pem are roots; the
latter has signed nothing here), prints "GOOD OTHER EXPIRED", the ports of servers whose certificate
is right, for another name, and out of date, and ends when its standard input does.
"""

import http.server
import pathlib
import ssl
import subprocess
import sys
import threading

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(directory, *args):
    subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)


def make_root(directory, name):
    openssl(directory, "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-subj", f"/CN={name}", "-days", "2", "-addext", "keyUsage=critical,keyCertSign")


def make_certificate(directory, name, alternative, expired=False):
    openssl(directory, "req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=server")
    (directory / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
    if not expired:
        openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key",
                "-CAcreateserial", "-extfile", f"{name}.ext", "-days", "2", "-out", f"{name}.pem")
        return
    # Only "openssl ca" makes certificates of the past, in all versions.
    (directory / "ca.cnf").write_text(
        "[ca]\ndefault_ca=it\n[it]\ndatabase=index\nserial=serial\nnew_certs_dir=.\npolicy=any\n"
        "default_md=sha256\n[any]\ncommonName=supplied\n")
    (directory / "index").touch()
    (directory / "serial").write_text("77\n")
    openssl(directory, "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "root.pem", "-keyfile",
            "root.key", "-in", f"{name}.csr", "-extfile", f"{name}.ext", "-out", f"{name}.pem",
            "-startdate", "20200101000000Z", "-enddate", "20200102000000Z")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        getattr(self, "get_" + self.path.lstrip("/"))()

    def get_json(self):
        self.answer(200, b'{"secret":"s3cret"}')

    def get_empty(self):
        self.send_response(204)
        self.end_headers()

    def get_401(self):
        self.answer(401, b'{"code":"401"}')

    def get_500(self):
        self.answer(500, b"broken", kind="text/plain")

    def get_redirect(self):
        self.answer(302, b"", Location="/json")

    def get_part(self):
        whole = b"0123456789"
        first, last = (int(n) for n in self.headers["Range"].removeprefix("bytes=").split("-"))
        self.answer(206, whole[first:last + 1], kind="application/octet-stream",
                    Content_Range=f"bytes {first}-{last}/{len(whole)}")

    def get_asked(self):
        """What it was asked with, and what of an earlier request serves this one."""
        body = "|".join([self.headers.get("Accept", ""), self.headers.get("Cookie", ""),
                         self.headers.get("Authorization", ""), str(self.connection.session_reused),
                         str(self.client_address[1])])
        self.answer(200, body.encode(), kind="text/plain", Set_Cookie="a=b")

    def get_large(self):
        self.answer(200, b"x" * 65536, kind="text/plain")

    def get_larger(self):
        self.answer(200, b"x" * 65537, kind="text/plain")

    def get_silent(self):
        threading.Event().wait()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, directory, name):
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / f"{name}.pem", directory / f"{name}.key")
        # Else one client that is slow with its handshake holds up all others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """Clients that go away are part of the test."""


def main():
    directory = pathlib.Path(sys.argv[1])
    make_root(directory, "root")
    make_root(directory, "stranger")
    make_certificate(directory, "good", "IP:127.0.0.1")
    make_certificate(directory, "other", "DNS:elsewhere.example")
    make_certificate(directory, "expired", "IP:127.0.0.1", expired=True)
    servers = [Server(directory, name) for name in ("good", "other", "expired")]
    print(*(server.server_port for server in servers), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
