# SPDX-License-Identifier: Apache-2.0
# A thin front over meson. Each target does all that it needs, from a bare Debian on; once every package
# is in place it uses no network.

# To build: the compiler, the build system, a -dev package for each library. meson configures the tests
# together with the rest, hence cmocka.
BUILD_PACKAGES = gcc libc6-dev libcbor-dev libcmocka-dev libcoap3-dev libcurl4-gnutls-dev \
	libelf-dev libgnutls28-dev libjansson-dev libmicrohttpd-dev libmnl-dev libseccomp-dev \
	libsmartcols-dev libsqlite3-dev libsystemd-dev libyaml-dev meson ninja-build pkgconf
# To run the demo: a bus, and the client of it that is everywhere.
DEMO_PACKAGES = dbus-bin dbus-daemon
# To torture: a file system that forgets, and a client that is quick.
TORTURE_PACKAGES = fuse3 libfuse3-dev python3-jeepney
# To run other people's clients: gdbus, libdbus, dbus-python, jeepney, busctl, npm for packages of its own,
# and what dbus-broker is linked with, which is unpacked only. A node from elsewhere will do.
INTEROP_PACKAGES = libapparmor1 libaudit1 libdbus-1-dev libglib2.0-bin python3-dbus python3-gi \
	python3-jeepney systemd $(if $(shell command -v npm),,nodejs npm)
# To make the pages and the picture that are made of something else.
DOCS_PACKAGES = graphviz python3
# To check: all these, what compares ABIs, the second compiler, the tools for style, valgrind for what a message costs, the
# other peers of the tests, coap-client and openssl, the shells that skybusctl has completion for, and what the
# documents use.
CHECK_PACKAGES = $(TORTURE_PACKAGES) $(INTEROP_PACKAGES) $(DOCS_PACKAGES) abigail-tools clang clang-format curl \
	fish iproute2 libcoap3-bin mandoc nftables openssl python3-prometheus-client shellcheck sqlite3 valgrind zsh

# To look for mistakes without running anything.
ANALYSE_PACKAGES = clang clang-tidy cppcheck

# To measure: the peers, a client for the bench itself, and what counts instructions. The service that the
# broker's package starts is not used; each bench has brokers of its own.
BENCH_PACKAGES = mosquitto mosquitto-clients python3-jeepney valgrind

# To fuzz: the compiler whose fuzzer it is, with what it links.
FUZZ_PACKAGES = clang libclang-rt-dev llvm

# To make Debian packages, which builds and runs the unit tests as well.
DEB_PACKAGES = curl dbus-daemon debhelper dpkg-dev iproute2 libcoap3-bin lintian openssl python3 systemd

# To boot machines: roots, containers, and what the test itself is written in.
ACCEPTANCE_PACKAGES = debootstrap gcc iproute2 libc6-dev procps python3 systemd-container

# How often make torture kills the daemon; a quarter as often it cuts the power.
ROUNDS = 200

# How long make fuzz runs each fuzzer, seconds; and which, unless all.
T = 60
FUZZERS =

# Where the bench stores messages, which is to be a real disk; unless set, where it was built.
FOLDER =

# The release of Debian that make cross is for.
RELEASE = 12

# What runs in the demo.
PLUGINS = plugins/1nce.so plugins/aliyun.so plugins/enos-dtls.so plugins/enos.so
DEMO_PARTS = skybusd ctl/skybusctl sim/skybus-sim docs/examples/subscribe $(PLUGINS)

# What measures.
BENCH_PARTS = skybusd host/skybus-plugin-host sim/skybus-sim $(PLUGINS) \
	$(addprefix tests/bench/bench-,bus coap-loop echo fanout filters stream)

help:
	@echo 'make demo     builds, then sends readings of this machine to simulated clouds'
	@echo 'make check    builds with two compilers, runs all tests, checks the style'
	@echo 'make analyse  has cppcheck, clang-tidy and gcc -fanalyzer look at the code'
	@echo 'make torture  kills the daemon and cuts its power under load, and counts what is lost;'
	@echo '              ROUNDS=20 for less'
	@echo 'make bench    measures it beside its peers, on a machine that is quiet, into build/bench.json;'
	@echo '              FOLDER=/PATH for another disk; make bench-quick for the headlines, and'
	@echo '              make bench-page for docs/performance.md of what was measured'
	@echo 'make fuzz     has each parser of what comes from outside tried for a minute; T=600 for longer,'
	@echo '              FUZZERS="enos stream" for some of them'
	@echo 'make interop  runs six clients of D-Bus on two bus daemons, and prints a table of it'
	@echo 'make deb      builds Debian packages for this machine in build/deb, and has lintian look at them'
	@echo 'make acceptance  builds them for Debian 12 and 13, and tries them on machines that boot systemd;'
	@echo '              takes root'
	@echo 'make cross    builds them for arm64 and armhf, too, and runs the unit tests under qemu; takes root;'
	@echo '              RELEASE=13 for another Debian than 12'
	@echo 'make docs     makes the pages and the picture in docs/ anew that are made of something else'
	@echo 'make abi-record  records the plugin ABI of this release in tests/abi'
	@echo 'make format   brings the C files into their form'
	@echo 'make clean    removes what was built'
	@echo 'Debian packages that are missing are installed, which takes root or sudo.'

demo:
	@$(call alone,demo-parts)
	@sim/demo.sh build/demo

# The same for those who hold the lock.
demo-here: demo-parts
	@sim/demo.sh build/demo

demo-parts: need = $(BUILD_PACKAGES) $(DEMO_PACKAGES)
demo-parts: packages
	@[ -f build/demo/build.ninja ] || meson setup build/demo
	@ninja -C build/demo $(DEMO_PARTS)

check:
	@$(call alone,check-here)

check-here: need = $(BUILD_PACKAGES) $(DEMO_PACKAGES) $(CHECK_PACKAGES)
check-here: packages
	@tests/check.sh

analyse:
	@$(call alone,analyse-here)

analyse-here: need = $(BUILD_PACKAGES) $(ANALYSE_PACKAGES)
analyse-here: packages
	@tests/analyse/analyse.sh build/analyse

torture:
	@$(call alone,torture-here)

torture-here: need = $(BUILD_PACKAGES) $(DEMO_PACKAGES) $(TORTURE_PACKAGES)
torture-here: packages
	@[ -f build/torture/build.ninja ] || meson setup build/torture
	@ninja -C build/torture $(DEMO_PARTS) tests/torture/forgetfs
	@tests/torture/torture.sh build/torture $(ROUNDS)

bench:
	@$(call alone,bench-here)

bench-here: bench-parts
	@$(BENCH) build/bench --json build/bench.json

bench-quick:
	@$(call alone,bench-quick-here)

bench-quick-here: bench-parts
	@$(BENCH) build/bench --quick --json build/bench-quick.json

bench-parts: need = $(BUILD_PACKAGES) $(DEMO_PACKAGES) $(BENCH_PACKAGES)
bench-parts: packages
	@[ -f build/bench/build.ninja ] || meson setup --buildtype=release build/bench
	@ninja -C build/bench $(BENCH_PARTS)

# Of a whole bench of a commit.
bench-page:
	@$(BENCH) build/bench.json --page >build/performance.md
	@cp build/performance.md docs/performance.md

fuzz:
	@$(call alone,fuzz-here)

fuzz-here: need = $(BUILD_PACKAGES) $(FUZZ_PACKAGES)
fuzz-here: packages
	@[ -f build/fuzz/build.ninja ] || CC=clang meson setup -Dfuzzing=true -Db_lundef=false \
		-Db_sanitize=address,undefined build/fuzz
	@ninja -C build/fuzz fuzzers $(PLUGINS)
	@tests/fuzz/fuzz.sh build/fuzz $(T) $(FUZZERS)

interop:
	@$(call alone,interop-here)

interop-here: need = $(BUILD_PACKAGES) $(DEMO_PACKAGES) $(INTEROP_PACKAGES)
interop-here: packages
	@tests/interop/install.sh
	@[ -f build/interop/build.ninja ] || meson setup build/interop
	@ninja -C build/interop $(DEMO_PARTS) tests/interop/libdbus-client
	@meson devenv -C build/interop /usr/bin/python3 $(CURDIR)/tests/interop/interop.py

deb:
	@$(call alone,deb-here)

deb-here: need = $(BUILD_PACKAGES) $(DEB_PACKAGES)
deb-here: packages
	@tests/packages/build.sh build/deb

acceptance:
	@$(call alone,acceptance-here)

acceptance-here: need = $(ACCEPTANCE_PACKAGES)
acceptance-here: packages
	@tests/acceptance/acceptance.sh

cross:
	@$(call alone,cross-here)

cross-here: need = debootstrap
cross-here: packages
	@tests/packages/cross.sh $(RELEASE)

# What is committed, and compared by the tests docs-*.
docs: need = $(BUILD_PACKAGES) $(DOCS_PACKAGES)
docs: packages
	@[ -f build/docs/build.ninja ] || meson setup build/docs
	@ninja -C build/docs ctl/skybusctl docs/settings $(PLUGINS)
	build/docs/docs/settings build/docs/plugins >build/docs/settings.txt
	docs/configuration.py <build/docs/settings.txt >docs/configuration.md
	docs/configuration.py --man <build/docs/settings.txt >docs/man/skybus.yaml.5
	docs/skybusctl.py build/docs/ctl/skybusctl docs/man/skybusctl.1.in >docs/man/skybusctl.1
	docs/dbus-api.py dbus/*.xml >docs/dbus-api.md
	docs/picture.py docs/architecture.dot >docs/architecture.svg

# What a release promises to plugins, and all later ones keep.
abi-record:
	@tests/abi/record.sh

format: need = clang-format
format: packages
	@tests/format.sh --fix

clean:
	rm -rf build

BENCH = /usr/bin/python3 tests/bench/bench.py $(if $(FOLDER),--folder $(FOLDER))

# $(call alone,TARGET): two that build at a time, in one tree, wait for each other.
alone = mkdir -p build && flock --close build/lock $(MAKE) --no-print-directory $(1)

# Installs those of $(need) that are not there.
packages:
	@missing=; \
	for package in $(need); do \
		dpkg-query -W -f '$${db:Status-Status}\n' $$package 2>/dev/null | \
			grep -qx installed || missing="$$missing $$package"; \
	done; \
	[ "$$missing" ] || exit 0; \
	sudo=; \
	if [ "$$(id -u)" != 0 ]; then \
		command -v sudo >/dev/null || { \
			echo "Packages are missing, and to install them takes root or sudo." \
				"As root: apt-get install$$missing" >&2; \
			exit 1; \
		}; \
		sudo=sudo; \
	fi; \
	echo "Installing$$missing"; \
	$$sudo apt-get -q update && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 \
		install --no-install-recommends $$missing

.PHONY: help demo demo-here demo-parts check check-here analyse analyse-here torture torture-here \
	fuzz fuzz-here bench \
	bench-here bench-quick bench-quick-here bench-parts bench-page interop \
	interop-here deb deb-here acceptance acceptance-here \
	cross cross-here docs abi-record format clean packages
.NOTPARALLEL:
