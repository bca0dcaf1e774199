# Completion of muster for fish: muster itself says what may come next.
function __muster_complete
    set -l words (commandline -opc)
    set -l typed
    for close in '' \' '"' # a quote may still be open
        set typed (string unescape -- (commandline -ct)$close)
        and break
    end
    set -l muster (string replace -r '^~/' $HOME/ -- $words[1])
    command -q $muster
    and command $muster complete fish $words "$typed" 2>/dev/null
end

function __muster_files
    __muster_complete | string match -qr '^files '
end

complete -c muster -f -k -a '(__muster_complete | tail -n +2)'
complete -c muster -F -n __muster_files
