#!/usr/bin/env bats
# Inventories of Ansible's, read by the built program: what they expand to, how their servers are
# reached, and what is said where muster cannot follow.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

# what --explain says of a server: USER@HOST port PORT
reached() { # SERVER TEXT
    local got
    got=$(grep -A1 -x -- "$1" <<<"$output" | sed -n 's/^  reached  //p')
    [ "$got" = "$2" ] || fail "$1 is reached as '$got'"
}

small_site() {
    mkdir -p "$T/site/group_vars" "$T/site/host_vars"
    cat >"$T/site/hosts" <<-'END'
	[web]
	w[01:03] ansible_port=2201
	[db]
	d1 ansible_host=192.0.2.7
	[prod:children]
	web
	[web:vars]
	ansible_user=inline
	END
    echo 'ansible_user: filed' >"$T/site/group_vars/web.yml"
    echo 'ansible_ssh_private_key_file: ~/.ssh/w2' >"$T/site/host_vars/w02"
}

@test "a file, what stands beside it, and its groups" {
    small_site
    run -0 muster servers -i "$T/site/hosts" --fold
    [ "$output" = 'w[01-03],d1' ] || fail "all"
    run -0 muster servers -i "$T/site/hosts" -g 'prod:!w02' extra
    [ "${lines[*]}" = "w01 w03 extra" ] || fail "a group"
    echo '# what failed' >"$T/failed"
    printf 'w03\nd1\n' >>"$T/failed"
    run -0 muster servers -i "$T/site" --group "@$T/failed"
    [ "${lines[*]}" = "w03 d1" ] || fail "a file of names"
    run -0 muster servers -i "$T/site/hosts" --explain -F /dev/null
    reached w01 'filed@w01 port 2201'
    reached d1 "$(id -un)@192.0.2.7 port 22"
    [[ $output == *"IdentityFile $(getent passwd "$(id -u)" | cut -d: -f6)/.ssh/w2"* ]] || fail "key"
}

@test "groups that there are not, and inventories with mistakes, run nothing" {
    small_site
    run -2 muster run -i "$T/site/hosts" -g wbe
    stderr_has "--group: the inventory has no group and no server 'wbe'"
    run -2 muster run -g web w1
    stderr_has 'give one with -i'
    printf '[web\n[web]\nw1 port\n' >"$T/bad"
    run -2 muster run -i "$T/bad"
    stderr_has "muster: $T/bad:1:1: "
    stderr_has "muster: $T/bad:3:4: name=value was expected"
    stderr_has "2 mistakes in the inventory $T/bad"
    printf 'all:\n  hosts: [w1]\n' >"$T/bad.yaml"
    run -2 muster run -i "$T/bad.yaml"
    stderr_has "muster: $T/bad.yaml:2:10: "
}

@test "what muster cannot follow is said" {
    cat >"$T/hosts" <<-'END'
	[web]
	w1
	w2
	[here]
	localhost ansible_connection=local
	[boxes]
	box[1:2] ansible_connection=community.docker.docker
	[all:vars]
	ansible_ssh_common_args='-o ProxyJump=gate'
	END
    run -2 muster servers -i "$T/hosts"
    stderr_has "$T/hosts:5:30: the connection plugin 'local' is none of muster's"
    stderr_has "-x 'localhost,box[1-2]'"
    run -0 muster servers -i "$T/hosts" -x 'localhost,box[1-2]'
    [ "${lines[*]}" = "w1 w2" ]
    stderr_has "the inventory's ansible_ssh_common_args is not read"
    run -0 muster servers -i "$T/hosts" -g web
    run muster run -i "$T/hosts" -g here -T local -b none --json
    json_is '[.servers[] | "\(.server) \(.verdict)"] | join(", ")' 'localhost passed'
    printf '[web]\nw1 ansible_host="{{ lookup("pipe", "touch %s/ran") }}"\n' "$T" >"$T/hosts"
    run -2 muster servers -i "$T/hosts"
    printf "[web]\nw1 ansible_host='{{ x }}'\nw2 ansible_user='\$(touch %s/ran)'\n" "$T" >"$T/hosts"
    run -2 muster servers -i "$T/hosts"
    stderr_has "$T/hosts:2:17: the ansible_host of w1 is '{{ x }}': a template"
    stderr_has "$T/hosts:3:17: the ansible_user of w2"
    [ ! -e "$T/ran" ] || fail "a value was run"
}

@test "programs are run with --list; lists that may be executed are read" {
    cat >"$T/cloud" <<-'END'
	#!/bin/sh
	[ "$*" = --list ] || exit 9
	echo '{"web": {"hosts": ["c1", "c2"]}, "_meta": {"hostvars": {"c2": {"ansible_port": 77}}}}'
	END
    chmod +x "$T/cloud"
    cd "$T"
    run -0 muster servers -i cloud -g web --explain -F /dev/null
    reached c2 "$(id -un)@c2 port 77"
    printf '#!/bin/sh\necho out of credit >&2\nexit 4\n' >"$T/broken"
    printf '#!/bin/sh\necho hello\n' >"$T/odd"
    printf 'w1\nw2\n' >"$T/list"
    chmod +x "$T/broken" "$T/odd" "$T/list"
    run -2 muster servers -i "$T/broken"
    stderr_has "the inventory program $T/broken ended with status 4: out of credit"
    run -2 muster servers -i "$T/odd"
    stderr_has "printed no JSON for --list"
    run -0 muster servers -i "$T/list"
    [ "${lines[*]}" = "w1 w2" ]
    ./cloud --list >"$T/listing.json"
    run -0 muster servers -i - <"$T/listing.json"
    [ "${lines[*]}" = "c1 c2" ]
}

@test "servers are benchmarked under their names, and pasted back" {
    ssh_material
    start_sshd 127.0.0.1
    cat >"$T/hosts" <<-END
	alpha ansible_host=127.0.0.1 ansible_port=2222
	beta ansible_host=127.0.0.1 ansible_port=1 muster_kind="spare part"
	[all:vars]
	ansible_user=$(id -un)
	ansible_ssh_private_key_file=$T/id
	END
    sed -i '/IdentityFile/d; /Port/d; /User /d' "$T/ssh_config"
    run muster_ssh -i "$T/hosts" -b none --retries 0 --json --failed-to "$T/failed"
    status_is 1
    json_is '[.servers[] | "\(.server) \(.verdict)"] | join(", ")' 'alpha passed, beta error'
    [ "$(cat "$T/failed")" = beta ] || fail "failed: $(cat "$T/failed")"
    run muster servers -i "$T/hosts" -g "@$T/failed"
    [ "$output" = beta ]
}

@test "ssh:// before a name" {
    run -0 muster servers 'ssh://me@web1:2222' 'ssh://web[2-3]'
    [ "${lines[*]}" = "me@web1:2222 web2 web3" ]
}

@test "the lists of the system, by the line that muster-inventory(5) has" {
    printf '127.0.0.1 localhost\n::1 ip6-localhost\nff02::1 all\n# 10.0.0.1 old\n\n10.0.0.2\tdb1 db1.x # c\n10.0.0.3 db2\n' \
        >"$T/etc-hosts"
    local line
    line=$(sed -n "s|^\(awk.*\)/etc/hosts . muster run -i -$|\1|p" "$BATS_TEST_DIRNAME/../../docs/man/muster-inventory.5.scd")
    [ -n "$line" ] || fail "no such line"
    run -0 bash -c "$line $T/etc-hosts | $MUSTER servers -i -"
    [ "${lines[*]}" = "db1 db2" ] || fail "names"
}
