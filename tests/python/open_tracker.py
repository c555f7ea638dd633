"""A tracker that behaves like opentracker: anybody's torrents, compact answers alone, HTTP and UDP (BEP 15) on one port.

Prints its port as a line of JSON; the end of stdin is the end.
"""

import json
import os
import socket
import socketserver
import struct
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

SWARMS = {}
LOCK = threading.Lock()
UDP_MAGIC = 0x41727101980


def announce(infohash, ip, port, left, event, numwant):
    """Takes a peer in, or out; gives the others' compact addresses, seeds and leechers."""
    with LOCK:
        swarm = SWARMS.setdefault(infohash, {})
        peer = socket.inet_aton(ip) + struct.pack(">H", port)
        if event == "stopped":
            swarm.pop(peer, None)
        else:
            swarm[peer] = left
        others = [other for other in swarm if other != peer][:numwant]
        seeds = sum(1 for rest in swarm.values() if rest == 0)
        return b"".join(others), seeds, len(swarm) - seeds


class Web(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        fields = urllib.parse.parse_qs(query, encoding="latin-1")
        one = lambda name, otherwise="": fields.get(name, [otherwise])[0]
        infohash = one("info_hash").encode("latin-1")
        if path != "/announce" or len(infohash) != 20 or one("compact", "1") != "1":
            body = b"d14:failure reason15:not an announcee"
        else:
            wanted = int(one("numwant", "50"))
            found = announce(infohash, self.client_address[0], int(one("port")), int(one("left", "1")), one("event"), wanted)
            peers, seeds, rest = found
            body = b"d8:completei%de10:incompletei%de8:intervali1800e5:peers%d:%se" % (seeds, rest, len(peers), peers)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def answer_datagrams(endpoint):
    """BEP 15. A connection id is the minute, as nobody here lies."""
    events = ["", "completed", "started", "stopped"]
    while True:
        packet, sender = endpoint.recvfrom(2048)
        if len(packet) < 16:
            continue
        connection, action, transaction = struct.unpack(">QII", packet[:16])
        if action == 0 and connection == UDP_MAGIC:
            endpoint.sendto(struct.pack(">IIQ", 0, transaction, int(time.time()) // 60), sender)
        elif action == 1 and len(packet) >= 98:
            infohash = packet[16:36]
            left, event = struct.unpack(">Q", packet[64:72])[0], struct.unpack(">I", packet[80:84])[0]
            numwant, port = struct.unpack(">iH", packet[92:98])
            wanted = numwant if numwant >= 0 else 50
            peers, seeds, rest = announce(infohash, sender[0], port, left, events[event], wanted)
            endpoint.sendto(struct.pack(">IIIII", 1, transaction, 1800, rest, seeds) + peers, sender)
        else:
            endpoint.sendto(struct.pack(">II", 3, transaction) + b"what is that?", sender)


def main():
    web = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Web)
    web.daemon_threads = True
    port = web.server_address[1]
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.bind(("127.0.0.1", port))
    threading.Thread(target=answer_datagrams, args=(endpoint,), daemon=True).start()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    print(json.dumps({"port": port}), flush=True)
    sys.stdin.read()
    os._exit(0)


main()
