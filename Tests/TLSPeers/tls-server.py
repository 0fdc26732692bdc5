"""A small HTTPS server for the tests: prints its port, serves until its standard input ends, and prints how many requests it has read.

GET or POST anywhere is answered with the number of requests read so far. After /farewell the server says that the connection may be kept,
and then closes it as TLS asks: with a close_notify.
"""

import http.server
import ssl
import sys
import threading

certificate, key, version = sys.argv[1:4]
seen = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        global seen
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen += 1
        body = str(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/farewell":
            self.wfile.flush()
            self.connection.unwrap()
            self.close_connection = True

    do_GET = do_POST = answer

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
if version != "1.2":
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1}[version]
context.load_cert_chain(certificate, key)
server = Server(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
print(seen, flush=True)
