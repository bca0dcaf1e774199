#!/usr/bin/env bats
# `muster servers`: what an inventory expands to, and back.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

expands() { # PATTERN NAMES...
    local pattern=$1
    shift
    run -0 muster servers "$pattern"
    [ "$(tr '\n' ' ' <<<"$output")" = "$* " ] || fail "$pattern is not $*"
}

@test "patterns" {
    expands 'web[01-03,7]' web01 web02 web03 web7
    expands 'a[0-10/5]' a0 a5 a10
    expands 'r[1-2]-n[1-2]' r1-n1 r1-n2 r2-n1 r2-n2
    expands 'web[1-4]!web3' web1 web2 web4
    expands 'web1,db[1-2]' web1 db1 db2
    expands 'root@web[1-2]:2222' root@web1:2222 root@web2:2222
    expands '[2001:db8::7]:22' '[2001:db8::7]:22'
    expands '2001:db8::7' '2001:db8::7'
}

@test "files, standard input, exclusion; each server once, in order" {
    printf '# racks\nweb[1-3]  # front\n\ndb1\r\nweb2\n' >"$T/list"
    run -0 muster servers -i "$T/list" -x web3 web1 extra
    [ "${lines[*]}" = "web1 web2 db1 extra" ] || fail "order"
    run -0 bash -c 'printf "x2\nx1\n" | "$0" servers -i -' "$MUSTER"
    [ "${lines[*]}" = "x2 x1" ]
}

@test "fold is the inverse" {
    run -0 muster servers --fold web01 web02 web03 web05 db1
    [ "$output" = "web[01-03,05],db1" ]
    run -0 muster servers --fold 'rack[1-4]-node[01-16]'
    [ "$output" = 'rack[1-4]-node[01-16]' ]
    run -0 muster servers --json 'w[1-2]'
    [ "$output" = '["w1","w2"]' ]
}

@test "a million servers" {
    run -0 bash -c '"$0" servers "rack[1-1000]-node[0001-1000]" | sort -u | wc -l' "$MUSTER"
    [ "$output" = 1000000 ]
    run -0 muster servers --fold 'rack[1-1000]-node[0001-1000]'
    [ "$output" = 'rack[1-1000]-node[0001-1000]' ]
}

@test "explain says how a server will be reached, and which line says so" {
    cat >"$T/config" <<-'EOF'
	Host web*
	  HostName 10.0.0.7
	  ProxyJump gw
	  ForwardX11 yes
	Host hsm
	  PKCS11Provider /usr/lib/x.so
	EOF
    run -0 muster servers --explain -F "$T/config" -u bob web1 root@hsm:77
    local expected
    expected=$(cat <<-EOF
	web1
	  reached  bob@10.0.0.7 port 22
	  through  gw (ProxyJump)
	  by       muster itself
	  set
	    $(printf %-32s "$T/config:4") ForwardX11 yes  (means nothing here)
	    $(printf %-32s "$T/config:2") HostName 10.0.0.7
	    $(printf %-32s "$T/config:3") ProxyJump gw
	    $(printf %-32s "as given") User bob
	root@hsm:77
	  reached  root@hsm port 77
	  by       the ssh program, because PKCS11Provider is set
	  set
	    $(printf %-32s "$T/config:6") PKCS11Provider /usr/lib/x.so  (for the ssh program)
	    $(printf %-32s "as given") Port 77
	    $(printf %-32s "as given") User root
	EOF
    )
    [ "$output" = "$expected" ] || fail "$output"
    echo 'Fou bar' >"$T/config"
    run -2 muster servers --explain -F "$T/config" web1
    stderr_has "$T/config line 1: Bad configuration option: fou"
    run -2 muster servers --explain --fold web1
}
