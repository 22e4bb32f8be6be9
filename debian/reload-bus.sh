# The bus has read the policy when dpkg unpacked it, and skipped what is about users it did not know.
if [ "$1" = configure ] && [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	deb-systemd-invoke reload dbus.service >/dev/null || true
fi
