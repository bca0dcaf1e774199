# Completion of muster for bash: muster itself says what may come next.
_muster() {
    local IFS=$'\n' answer kind
    mapfile -t answer < <("${1/#\~\//$HOME/}" complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
    kind=${answer[0]%% *}
    COMPREPLY=("${answer[@]:1}")
    compopt -o nosort 2>/dev/null
    case $kind in
    parts) compopt -o nospace ;;
    files) compopt -o default -o filenames ;;
    esac
}
complete -F _muster muster
