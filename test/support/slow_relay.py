"""Relays one TCP connection at a time to a server with tiny receive buffers, and reads from the server only when told.

Loopback buffers hold megabytes, so a client that merely stops reading pauses a
server only after thousands of tokens; Node cannot set SO_RCVBUF, Python can.
usage: slow_relay.py SERVER_PORT; prints its own port; each line on stdin
switches reading from the server off or on.
"""
import select
import socket
import sys

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
print(listener.getsockname()[1], flush=True)
client, _ = listener.accept()
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
# The server's send buffer grows with the segment size: 3 MB at loopback's 64 KiB, 0.15 MB at 536 bytes.
server.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
server.connect(("127.0.0.1", int(sys.argv[1])))
reading = True
while True:
    ready, _, _ = select.select([client, sys.stdin] + ([server] if reading else []), [], [])
    if sys.stdin in ready:
        if not sys.stdin.readline():
            break
        reading = not reading
    for one, other in ((client, server), (server, client)):
        if one in ready:
            data = one.recv(65536)
            if not data:
                sys.exit()
            other.sendall(data)
