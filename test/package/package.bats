# The tarball, the Debian package made from it, and what becomes of that in a clean Debian of this
# system's release: debootstrap makes one, the package is installed there, runs and is removed again.
#
# That takes root and the network, from where this system's apt has its packages; without these the tests
# fail. What was made stays in build/packages.

load ../integration/common

setup_file() {
    scratch
    chmod 755 "$T" # apt fetches as a user of its own
    export ROOT=$BATS_TEST_DIRNAME/../.. SYSTEM=$T/system
    quietly "$ROOT/tools/package"
    DEB=$(realpath "$ROOT"/build/packages/muster_*.deb)
    export DEB
    make_clean_system
}

teardown_file() {
    cd / && rm -rf --one-file-system "$T"
}

setup() {
    cd "$T" || return 1
}

teardown() {
    ! mountpoint -q "$SYSTEM/proc" || umount "$SYSTEM/proc"
    ! inside dpkg -s muster >/dev/null 2>&1 || quietly inside dpkg --purge muster
}

# with what it says shown if it fails
quietly() {
    "$@" >"$T/said" 2>&1 </dev/null && return 0
    echo "that failed: $*"
    tail -n 40 "$T/said"
    return 1
}

# the archive that this system's packages are from
mirror() { # RELEASE
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v release="$1" '$2 == release && $3 == "main" { print $1; exit }'
}

inside() { # COMMAND...
    env -i HOME=/archives PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$SYSTEM" "$@"
}

# this system's apt, with its keys and settings and lists of our own, which are as new as the archive
fetch() { # ARGUMENT...
    quietly apt-get -o "Dir::State::lists=$T/lists" -o "Dir::State::status=$SYSTEM/var/lib/dpkg/status" \
        -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o "Dir::Cache::archives=$T/fetched" \
        -o Debug::NoLocking=1 -y --no-install-recommends "$@"
}

# A Debian with what muster depends on, which apt fetches from here: it needs no settings inside.
make_clean_system() {
    local release from
    [ "$(id -u)" = 0 ] || fail "a clean Debian is made by root only"
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    from=$(mirror "$release")
    [ -n "$from" ] || fail "apt names no archive of Debian $release"
    quietly debootstrap --variant=minbase "$release" "$SYSTEM" "$from"
    mkdir -p "$T/fetched/partial" "$T/lists" "$SYSTEM/archives"
    fetch update -o APT::Update::Error-Mode=any
    fetch install --download-only "$DEB"
    mv "$T"/fetched/*.deb "$SYSTEM/archives"
    # shellcheck disable=SC2016
    quietly inside sh -c 'dpkg -i /archives/*.deb'
    cp "$DEB" "$SYSTEM/archives/muster.deb"
}

# every path there is, but for what dpkg itself remembers and what was put there for the try
paths() {
    inside find / -xdev ! -path '/proc/*' ! -path '/var/lib/dpkg/*' ! -path '/var/cache/*' \
        ! -path '/var/log/*' ! -path '/archives*' | LC_ALL=C sort
}

@test "the tarball has every file that is committed, the same bytes each time" {
    local tarball
    tarball=$(echo "$ROOT"/build/packages/muster-*.tar.xz)
    tar -tf "$tarball" | sed -n 's|^[^/]*/\(.*[^/]\)$|\1|p' | LC_ALL=C sort >"$T/packed"
    git -C "$ROOT" ls-tree -r --name-only HEAD | LC_ALL=C sort >"$T/committed"
    diff "$T/committed" "$T/packed"
    (umask 077 && quietly "$ROOT/tools/tarball" "$ROOT/build")
    cmp "$tarball" "$ROOT/build/meson-dist/${tarball##*/}"
}

@test "the package has manual pages, completions, examples and a bill of materials" {
    dpkg-deb -x "$DEB" "$T/content"
    for file in bin/muster share/man/man1/muster-run.1.gz share/man/man5/muster.yaml.5.gz \
        share/man/man7/muster-agent.7.gz share/doc/muster/copyright share/doc/muster/examples/fio.yaml \
        share/doc/muster/muster.cdx.json share/bash-completion/completions/muster \
        share/zsh/vendor-completions/_muster share/fish/vendor_completions.d/muster.fish; do
        [ -f "$T/content/usr/$file" ] || fail "the package has no /usr/$file"
    done
    python3 "$ROOT/test/support/sbom_check.py" "$T/content/usr/share/doc/muster/muster.cdx.json"
}

@test "the program in the package is hardened" {
    dpkg-deb --fsys-tarfile "$DEB" | tar -x -C "$T" ./usr/bin/muster
    for mark in BIND_NOW 'FLAGS_1.*PIE'; do
        readelf -dW "$T/usr/bin/muster" | grep -q "$mark" || fail "muster lacks $mark"
    done
    readelf -W --dyn-syms "$T/usr/bin/muster" | grep -q _chk@ || fail "muster is not fortified"
}

@test "in a clean Debian it is installed, and measures a fleet and the machine" {
    quietly inside dpkg -i /archives/muster.deb
    run -0 inside muster --version
    [ "muster $(dpkg-deb -f "$DEB" Version)" = "$output" ] || fail "another version"
    quietly inside muster run --simulate=servers=50,seed=1,delay=0-0,score=60-90 -q
    # a server's verdict is the machine's business; that there is one is muster's
    mount -t proc proc "$SYSTEM/proc"
    run inside muster run --transport local --quick -b cpu --threshold 1 -q this-machine
    umount "$SYSTEM/proc"
    [ "$status" -le 1 ] || fail "the run ended with status $status"
    run -0 inside muster show last --json
    json_is '.servers[0].benchmarks[0].score > 0' true
}

@test "removed, it leaves nothing and takes nothing along" {
    paths >"$T/before"
    quietly inside dpkg -i /archives/muster.deb
    run ! diff -q "$T/before" <(paths)
    quietly inside muster run --simulate=servers=5,seed=1,delay=0-0,score=60-90 -q
    quietly inside dpkg --purge muster
    diff "$T/before" <(paths)
    run ! inside dpkg -s muster
}
