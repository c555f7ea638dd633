"""libtorrent (PyPI) as somebody else's client, driven by JSON lines.

Commands on stdin:
  {"op": "seed", "path": FILE_OR_FOLDER, "pieceLength": BYTES, "torrent": WHERE_TO_WRITE_IT,
   "version": "v1" | "v2" | "hybrid"}
  {"op": "add", "dir": FOLDER, "torrent": FILE | "magnet": URI, "peers": ["host:port", ...]}
  {"op": "limit", "upload": BYTES_PER_SECOND, "download": BYTES_PER_SECOND}
  {"op": "encrypt", "level": 1 (the handshake alone) | 2 (everything)}
  {"op": "peers"}
Events on stdout:
  {"ev": "ready", "port": N}
  {"ev": "seeding", "infoHash": HEX, "magnet": URI, "pieces": N}
  {"ev": "metadata"}   {"ev": "done"}   {"ev": "peers", "peers": [...]}   {"ev": "error", "message": TEXT}
The end of stdin is the end.
"""

import json
import os
import queue
import socket
import sys
import threading
import warnings

import libtorrent as lt

# The calls used here exist in libtorrent 2.0 and 2.1; the successors of some do not.
warnings.filterwarnings("ignore", category=DeprecationWarning)


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def free_port():
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


def new_session():
    port = free_port()
    settings = lt.default_settings()
    settings.update(
        {
            # One port for all interfaces; 0 would get each interface its own.
            "listen_interfaces": "0.0.0.0:%d,[::]:%d" % (port, port),
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "enable_outgoing_utp": False,
            "enable_incoming_utp": False,
            # Everybody here is at 127.0.0.1.
            "allow_multiple_connections_per_ip": True,
            "min_reconnect_time": 1,
            "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
        }
    )
    return lt.session(settings)


def create(command):
    """Hashes a file or a folder and writes the .torrent."""
    storage = lt.file_storage()
    lt.add_files(storage, command["path"])
    versions = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}
    flags = versions[command.get("version", "v1")]
    creator = lt.create_torrent(storage, command.get("pieceLength", 0), flags)
    lt.set_piece_hashes(creator, os.path.dirname(command["path"]))
    encoded = lt.bencode(creator.generate())
    with open(command["torrent"], "wb") as file:
        file.write(encoded)
    return lt.torrent_info(lt.bdecode(encoded))


def seed(session, command):
    info = create(command)
    params = lt.add_torrent_params()
    params.ti = info
    params.save_path = os.path.dirname(command["path"])
    params.flags |= lt.torrent_flags.seed_mode
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = session.add_torrent(params)
    hashes = info.info_hashes()
    infohash = str(hashes.v1 if hashes.has_v1() else hashes.v2)
    say(ev="seeding", infoHash=infohash, magnet=lt.make_magnet_uri(info), pieces=info.num_pieces())
    return handle


def add(session, command):
    if "torrent" in command:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(command["torrent"])
    else:
        params = lt.parse_magnet_uri(command["magnet"])
    params.save_path = command["dir"]
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = session.add_torrent(params)
    for peer in command.get("peers", []):
        host, port = peer.rsplit(":", 1)
        handle.connect_peer((host, int(port)))
    return handle


def read_commands(commands):
    for line in sys.stdin:
        commands.put(json.loads(line))
    commands.put(None)


def main():
    session = new_session()
    say(ev="ready", port=session.listen_port())
    commands = queue.Queue()
    threading.Thread(target=read_commands, args=(commands,), daemon=True).start()
    handle = None
    leeching = False
    while True:
        try:
            command = commands.get(timeout=0.05)
            if command is None:
                return
            if command["op"] == "seed":
                handle = seed(session, command)
            elif command["op"] == "add":
                leeching = True
                handle = add(session, command)
            elif command["op"] == "limit":
                session.apply_settings(
                    {
                        "upload_rate_limit": command.get("upload", 0),
                        "download_rate_limit": command.get("download", 0),
                    }
                )
            elif command["op"] == "encrypt":
                session.apply_settings(
                    {
                        "out_enc_policy": int(lt.enc_policy.forced),
                        "in_enc_policy": int(lt.enc_policy.forced),
                        "allowed_enc_level": command["level"],
                    }
                )
            elif command["op"] == "peers":
                say(
                    ev="peers",
                    peers=[
                        {
                            "address": "%s:%d" % peer.ip,
                            "client": peer.client.decode("utf-8", "replace"),
                            "pieces": peer.progress,
                        }
                        for peer in (handle.get_peer_info() if handle else [])
                    ],
                )
        except queue.Empty:
            pass
        for alert in session.pop_alerts():
            if isinstance(alert, lt.metadata_received_alert):
                say(ev="metadata")
            elif isinstance(alert, lt.torrent_finished_alert) and leeching:
                say(ev="done")
            elif isinstance(alert, (lt.torrent_error_alert, lt.metadata_failed_alert, lt.file_error_alert)):
                say(ev="error", message=alert.message())


main()
