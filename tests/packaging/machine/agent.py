"""Runs in a booted machine: takes shell commands on a serial port, answers with their output.

> one line, base64 of a shell command
< one line, "rc base64-of-its-output"
"""

import base64
import subprocess
import tty

with open("/dev/ttyS1", "r+b", buffering=0) as port:
    tty.setraw(port.fileno())
    port.write(b"agent\n")
    while line := port.readline():
        try:
            command = base64.b64decode(line, validate=True).decode()
        except ValueError:
            continue
        done = subprocess.run(
            ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        port.write(b"%d " % done.returncode + base64.b64encode(done.stdout) + b"\n")
