# Everything a developer and CI call. `make test` and `make demo` install what they need (Debian 12 or 13).
PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= /etc
SUDO := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=PATH)
LAB := Tests/Lab/lab
# Seconds: a test that hangs ends as a failure, not when whoever runs it gives up.
TEST_LIMIT := 3600
PROGRAMS := pre-snapshot post-snapshot prune-snapshot stillpoint

# Swift and the C++ runtime linked statically, stripped, nothing that cannot be reached, equal functions folded (never data, and
# nothing compares functions' addresses: 330 kB), without the index by which C++ exceptions would find their handlers: Swift's
# errors are returned, and its runtime is built without exceptions (270 kB). Not
# position independent: that saves 1 MB of relocations, which the loader would work through at every start, as it would
# through libstdc++'s, 1 of an idle hook's 3 ms. The default linker, or ICU comes along (DESIGN.md). No run path: a hook
# runs as root and needs no library from its own folder.
RELEASE := -c release --static-swift-stdlib --disable-local-rpath -Xswiftc -Osize -Xswiftc -Xfrontend -Xswiftc -function-sections -Xlinker -s -Xlinker --gc-sections \
	-Xlinker --icf=all -Xlinker --no-eh-frame-hdr -Xlinker --no-export-dynamic -Xlinker -L$(CURDIR)/.build/archives \
	-Xswiftc -Xclang-linker -Xswiftc -no-pie -Xswiftc -Xclang-linker -Xswiftc -static-libgcc

.PHONY: build release test demo bench stress nth-call fuzz lint format install deb deb-test host-test packages clean

build: packages
	swift build

# The linker takes the archive where it finds no shared library of that name before it.
release: packages
	mkdir -p .build/archives
	ln -sf "$$(clang -print-file-name=libstdc++.a || cc -print-file-name=libstdc++.a)" .build/archives/
	swift build $(RELEASE)

# What the build, the lab and the tests are made of; asks apt only for what is missing.
packages:
	$(SUDO) $(LAB) install

# Not all at once: hundreds of tests on two processors would make each other miss their deadlines.
test: release
	swift build --build-tests
	$(MAKE) fuzz T=0
	$(SUDO) $(LAB) run -- env STILLPOINT_BIN=$(CURDIR)/.build/release STILLPOINT_DEBUG_BIN=$(CURDIR)/.build/debug \
		timeout --kill-after=30 $(TEST_LIMIT) swift test --skip-build --experimental-maximum-parallelization-width 6

demo: release
	$(SUDO) $(LAB) run -- Tests/Lab/demo.sh $(CURDIR)/.build/release

bench: release
	$(SUDO) $(LAB) run -- Tests/Benchmarks/bench.sh $(CURDIR)/.build/release
	$(SUDO) $(LAB) run -- Tests/Benchmarks/memory.sh $(CURDIR)/.build/release
	$(SUDO) $(LAB) run -- Tests/Benchmarks/freeze.sh $(CURDIR)/.build/release
	$(SUDO) $(LAB) run -- Tests/Benchmarks/vsphere.sh $(CURDIR)/.build/release
	Tests/Benchmarks/list.sh $(CURDIR)/.build/release

# Random managers, strategies, guests' states and faults, drawn from SEED; STEPS=0: until MINUTES are over.
SEED ?=
STEPS ?= 0
MINUTES ?= 20
stress: release
	$(SUDO) $(LAB) run -- python3 Tests/Stress/stress.py $(CURDIR)/.build/release $(if $(SEED),--seed $(SEED)) \
		--steps $(STEPS) --minutes $(MINUTES)

# Every write, sync, rename, unlink, open and exec of every program in turn fails, or is its last one.
SAMPLE ?= 1
nth-call: release
	$(SUDO) $(LAB) run -- python3 Tests/NthCall/nthcall.py $(CURDIR)/.build/release --sample $(SAMPLE) \
		--minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

# Every parser, and what a release decides, under libFuzzer for T seconds each; Tests/Fuzz/README.md.
T ?= 60
TARGET ?=
fuzz:
	@ls "$$(dirname "$$(readlink -f "$$(command -v swiftc)")")"/../lib/clang/*/lib/*/*clang_rt.fuzzer* >/dev/null 2>&1 \
		|| { echo 'this Swift has no libFuzzer (lib/clang/*/lib/*/libclang_rt.fuzzer*.a); take one from swift.org'; exit 1; }
	STILLPOINT_FUZZ=1 swift build -c release --scratch-path .build-fuzz --product stillpoint-fuzz
	Tests/Fuzz/fuzz.py $(T) $(TARGET)

lint:
	swift format lint --strict --recursive Package.swift Sources Tests
	@! grep -rnE '^[a-z@ ]*import (Foundation|FoundationXML|FoundationNetworking)$$' Sources Tests \
		|| { echo 'full Foundation links 44 MB of ICU'; exit 1; }
	@! grep -rnE '^[a-z@ ]*import FoundationEssentials$$' Sources \
		|| { echo 'no Foundation at all, it costs 4 MB a program; JSON is in Sources/JSON'; exit 1; }
	@! grep -rnE '\.replacing\(|firstRange\(of:|import _StringProcessing|\.contains\("[^"\\]{2,}' Sources --include=*.swift \
		|| { echo 'these are of the regular expressions, which add 1.3 MB to a hook; see Support/Text/TextSearch.swift'; exit 1; }
	@Tests/Lint/paths.py
	@! command -v shellcheck >/dev/null || shellcheck --severity=warning examples/guest/fsfreeze-hook examples/guest/fsfreeze-hook.d/*
	@! command -v gofmt >/dev/null || [ -z "$$(gofmt -l Tests/vcsim)" ] || { echo 'run gofmt -w Tests/vcsim'; exit 1; }

format:
	swift format --in-place --recursive Package.swift Sources Tests
	! command -v gofmt >/dev/null || gofmt -w Tests/vcsim

# A package for Debian 12, 13 and Ubuntu 24.04, where it is built on Debian 12 (packaging/debian/build says how).
deb: release
	packaging/debian/build .build/release .build/deb

# It is installed, upgraded, removed and purged in clean roots, and removed with an open run on real parts.
deb-test: release
	$(SUDO) Tests/Packaging/deb-test .build/release

# On a host as users have them, in a virtual machine (Tests/Lab/host/README.md); not for CI.
ITEM ?=
host-test: deb
	$(SUDO) Tests/Lab/host/host-test $(ITEM)

# For other systems: binaries in PREFIX/lib/stillpoint, systemd's units (not enabled), manual pages, completions, an example
# configuration where there is none yet, and the two directories.
install:
	@test -x .build/release/pre-snapshot || { echo "first run: make release"; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/lib/stillpoint
	install -m 0755 $(PROGRAMS:%=.build/release/%) $(DESTDIR)$(PREFIX)/lib/stillpoint
	install -d $(DESTDIR)$(PREFIX)/bin
	ln -sf ../lib/stillpoint/stillpoint $(DESTDIR)$(PREFIX)/bin/stillpoint
	packaging/docs $(DESTDIR)$(PREFIX)/share/doc/stillpoint
	install -m 0644 CHANGELOG.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/stillpoint
	packaging/man .build/release $(DESTDIR)$(PREFIX)/share/man
	packaging/completions .build/release $(DESTDIR)$(PREFIX)/share/bash-completion/completions/stillpoint \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_stillpoint \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/stillpoint.fish
	install -m 0755 hooks/systemd/stillpoint-autostart $(DESTDIR)$(PREFIX)/lib/stillpoint
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in hooks/systemd/*.service hooks/systemd/*.timer; do \
		sed 's#/usr/lib/stillpoint/#$(PREFIX)/lib/stillpoint/#' $$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/} || exit 1; \
		chmod 0644 $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; \
	done
	install -d $(DESTDIR)$(SYSCONFDIR)/stillpoint
	test -e $(DESTDIR)$(SYSCONFDIR)/stillpoint/stillpoint.conf \
		|| install -m 0644 examples/stillpoint.conf $(DESTDIR)$(SYSCONFDIR)/stillpoint/stillpoint.conf
	install -d -m 0700 $(DESTDIR)/var/lib/stillpoint
	install -d -m 0711 $(DESTDIR)/var/lib/libvirt/stillpoint

clean:
	swift package clean
	rm -rf .build-lab .build-fuzz
