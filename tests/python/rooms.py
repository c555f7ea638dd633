"""python-socketio as two people in a room. Arguments: the server's URL, the transports with commas between."""

import queue
import sys

import socketio


class Person:
    def __init__(self, url, transports):
        self.heard = queue.Queue()
        self.socket = socketio.Client(reconnection=False)
        self.socket.on("*", lambda event, payload=None: self.heard.put((event, payload)))
        self.socket.connect(url, transports=transports, wait_timeout=8)

    def hear(self, event):
        while True:
            name, payload = self.heard.get(timeout=8)
            if name == event:
                return payload


def main():
    url, transports = sys.argv[1], sys.argv[2].split(",")
    host = Person(url, transports)
    created = host.socket.call("create-room", {"participantId": "ann", "name": "Ann", "capabilities": {}}, timeout=8)
    assert created["success"] and created == host.hear("room-created"), created
    assert created["peerId"] == host.socket.get_sid()
    guest = Person(url, transports)
    code = created["room"]["code"]
    joined = guest.socket.call("join-room", {"code": code, "participantId": "bea", "name": "Bea"}, timeout=8)
    assert joined["room"]["role"] == "viewer", joined
    assert guest.hear("chat-history") == {"messages": []}
    assert host.hear("participant-joined")["id"] == "bea"
    for number in range(20):
        host.socket.emit("sync-pause", {"time": number + 0.5, "actionId": str(number)})
    times = [guest.hear("sync-pause")["time"] for _ in range(20)]
    assert times == [number + 0.5 for number in range(20)], times
    wrong = guest.socket.call("sync-seek", {"time": "soon", "actionId": "x"}, timeout=8)
    assert wrong["code"] == "S013", wrong
    guest.socket.emit("offer", {"to": created["peerId"], "offer": {"type": "offer", "sdp": "v=0"}})
    assert host.hear("offer")["from"] == guest.socket.get_sid()
    guest.socket.disconnect()
    assert host.hear("participant-updated")["away"] is True
    host.socket.disconnect()


main()
