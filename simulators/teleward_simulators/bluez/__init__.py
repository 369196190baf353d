"""A BlueZ that is not there: ``org.bluez`` on a private D-Bus, backed by the virtual radio."""
