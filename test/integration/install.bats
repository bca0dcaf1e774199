# What `meson install` puts where, and what is said of it: versions, the bill of materials.
load common

setup_file() {
    scratch
    export ROOT BUILD DOC
    ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    BUILD=$(cd "$(dirname "$MUSTER")" && pwd)
    PREFIX=$(meson introspect --buildoptions "$BUILD" | jq -r '.[] | select(.name == "prefix").value')
    export PREFIX
    DOC=$T/dest$PREFIX/share/doc/muster
    DESTDIR=$T/dest meson install -C "$BUILD" --no-rebuild >"$T/install.log" 2>&1 || {
        cat "$T/install.log"
        return 1
    }
}

teardown_file() {
    scratch_done
}

# the files that are to be there, as paths below $T/dest
wanted() {
    local f
    echo "$PREFIX/bin/muster"
    for f in CHANGELOG.md LICENSE README.md muster.cdx.json; do
        echo "$PREFIX/share/doc/muster/$f"
    done
    for f in bash-completion/completions/muster zsh/site-functions/_muster fish/vendor_completions.d/muster.fish; do
        echo "$PREFIX/share/$f"
    done
    (cd "$ROOT" && git ls-files --cached --others --exclude-standard docs examples 2>/dev/null || find docs examples -type f) |
        grep -v '^docs/man/' | sed "s|^|$PREFIX/share/doc/muster/|"
    ! command -v scdoc >/dev/null || (cd "$ROOT/docs/man" && ls -- *.scd) |
        sed -E "s|^(.*\.([0-9]))\.scd$|$PREFIX/share/man/man\2/\1|"
}

@test "everything is installed below DESTDIR, and nothing else" {
    wanted | LC_ALL=C sort >"$T/wanted"
    (cd "$T/dest" && find . ! -type d | sed 's/^\.//' | LC_ALL=C sort) >"$T/found"
    run diff "$T/wanted" "$T/found"
    status_is 0
    run find "$T/dest" -type f -perm /111
    [ "$output" = "$T/dest$PREFIX/bin/muster" ] || fail "what may be executed"
    run find "$T/dest" -perm /022 ! -type l
    [ "$output" = "" ] || fail "anybody may write to it"
}

@test "the installed program runs a fleet, without anything of the sources" {
    unshare --mount true 2>/dev/null || skip "nothing can be mounted here"
    mkdir "$T/away"
    cd "$T/away"
    run env -i HOME="$T/away" PATH=/usr/bin:/bin unshare --mount sh -c "
        mount -t tmpfs none '$BUILD' 2>/dev/null
        exec '$T/dest$PREFIX/bin/muster' run --simulate=servers=20,seed=1,delay=0-0,score=60-90 -q --json"
    status_is 0
    json_is .passed 20
}

@test "the version is meson.build's, everywhere" {
    version=$(meson introspect --projectinfo "$BUILD" | jq -r .version)
    [ "$("$T/dest$PREFIX/bin/muster" --version)" = "muster $version" ] || fail "muster --version"
    [ "$(sed -n '1s/^muster (\([^)]*\)).*/\1/p' "$ROOT/debian/changelog")" = "$version" ] ||
        fail "debian/changelog"
    [ "$(jq -r .metadata.component.version "$DOC/muster.cdx.json")" = "$version" ] || fail "muster.cdx.json"
    grep -qE "^## $version( |$)" "$ROOT/CHANGELOG.md" || fail "CHANGELOG.md"
}

@test "no file tells where it was built, or by whom" {
    run grep -rlaF -e "$ROOT" -e "$BUILD" "$T/dest"
    [ "$output" = "" ] || fail "the folder is in it"
    run grep -rnE '__(DATE|TIME|TIMESTAMP)__' "$ROOT"/src "$ROOT"/agent "$ROOT"/gpu
    [ "$output" = "" ] || fail "the time is in it"
}

@test "the bill of materials keeps the rules of CycloneDX" {
    run python3 "$ROOT/test/support/sbom_check.py" "$DOC/muster.cdx.json"
    status_is 0
}

@test "the bill names what muster is linked with, and what is in its agents" {
    command -v dpkg >/dev/null || skip "libraries have no package that dpkg knows"
    bill=$DOC/muster.cdx.json
    for file in $(readelf -dW "$MUSTER" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        jq -r '.components[].description' "$bill" | grep -qwF -- "$file" || fail "$file is not in it"
    done
    jq -e '.components[] | select(.name == "libssh-4") | .version | test("^0\\.1[0-9]")' "$bill" >/dev/null ||
        fail "libssh"
    jq -e '.components[] | select(.name == "musl-dev" or .name == "libc6-dev") | .licenses[0].license.id' \
        "$bill" >/dev/null || fail "the agents' C library"
    [ "$(jq '[.components[] | select(.version == null)] | length' "$bill")" = 0 ] || fail "a version is missing"
}

@test "a bill that breaks a rule is refused" {
    check() { # JQ
        jq "$1" "$DOC/muster.cdx.json" >"$T/bad.json"
        run python3 "$ROOT/test/support/sbom_check.py" "$T/bad.json"
        status_is 1
    }
    check '.specVersion = "1.4"'
    check '.components[0].licenses = [{"license": {"id": "Expat"}}]'
    check '.components[0].colour = "red"'
    check 'del(.components[0].version)'
    check '.components += [.components[0]]'
    check '.dependencies[0].dependsOn += ["pkg:deb/debian/nobody@1"]'
    check '.dependencies[0].dependsOn = []'
}

@test "the same program gives the same bill, whatever the time and the language" {
    cp "$DOC/muster.cdx.json" "$T/first.json"
    words=$(sed -n 's/^ COMMAND = .*tools\/sbom \(.*\) --program .*$/\1/p' "$BUILD/build.ninja" | head -n 1)
    [ -n "$words" ] || fail "how it was made"
    # shellcheck disable=SC2086
    (cd "$BUILD" && LANG=tr_TR.UTF-8 LC_ALL=C "$ROOT/tools/sbom" $words --program muster "$T/second.json")
    cmp "$T/first.json" "$T/second.json"
    # shellcheck disable=SC2086
    (cd "$BUILD" && SOURCE_DATE_EPOCH=1795392000 "$ROOT/tools/sbom" $words --program muster "$T/third.json")
    [ "$(jq -r .metadata.timestamp "$T/third.json")" = 2026-11-23T00:00:00Z ] || fail "the time"
}
