#!/bin/sh
# Inside the test machine: the system bus, bluetoothd, and the link contract on tier "kernel".
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run PYTHONDONTWRITEBYTECODE=1
export NUMBA_CACHE_DIR=/run TELEWARD_TIERS=kernel
cd "$REPO" || exit 1
echo "guest: Linux $(uname -r), $(/usr/libexec/bluetooth/bluetoothd --version)"
dbus-daemon --system --fork --nopidfile
/usr/libexec/bluetooth/bluetoothd -n >/run/bluetoothd.log 2>&1 &
for _ in $(seq 120); do
    dbus-send --system --print-reply --dest=org.freedesktop.DBus / \
        org.freedesktop.DBus.NameHasOwner string:org.bluez 2>/dev/null | grep -q true && break
    sleep 0.5
done
PYTEST_ADDOPTS="$SELECT" "$PYTHON" -m pytest -q -p no:cacheprovider --color=no --timeout 240 \
    tests/simulators/contract
code=$?
[ $code = 0 ] || tail -n 20 /run/bluetoothd.log
echo "TEST-BLUEZ EXIT $code"
