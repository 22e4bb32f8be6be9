#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Tortures what was built in a folder: torture.sh BUILD ROUNDS [OPTION...], see torture.py.
set -u
build=$(cd -- "$1" && pwd) || exit
rounds=$2
shift 2
source=$(cd -- "$(dirname -- "$0")/../.." && pwd) || exit

export SKYBUSD="$build/skybusd"
export SKYBUS_SIM="$build/sim/skybus-sim"
export SKYBUS_PLUGIN_DIR="$build/plugins"
export FORGETFS="$build/tests/torture/forgetfs"
export SOURCE_ROOT="$source"
export PYTHONDONTWRITEBYTECODE=1

# Debian's interpreter has jeepney; another one on the path may not.
exec /usr/bin/python3 "$source/tests/torture/torture.py" "$rounds" "$@"
