"""Runs in a booted machine: takes shell commands on a serial port, answers with their output.

> one line, base64 of a shell command
< one line, "rc base64-of-its-output"
"""

import base64
import os
import subprocess
import termios
import tty

port = os.open("/dev/ttyS1", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
os.set_blocking(port, True)
tty.setraw(port)
mode = termios.tcgetattr(port)
mode[2] |= termios.CLOCAL  # no modem: a carrier that is away is no end
termios.tcsetattr(port, termios.TCSANOW, mode)


def write(data: bytes) -> None:
    """Write all of ``data``."""
    while data:
        data = data[os.write(port, data) :]


write(b"agent\n")
line = b""
while True:
    line += os.read(port, 4096)
    if not line.endswith(b"\n"):
        continue
    command, line = base64.b64decode(line).decode(), b""
    done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    write(b"%d " % done.returncode + base64.b64encode(done.stdout) + b"\n")
