# SPDX-License-Identifier: Apache-2.0
# Completion for fish: skybusctl itself knows what may come next.

function __skybusctl_candidates
    set -l token (commandline -ct)
    set -l option (string match -r '^-[^=]*=' -- "$token")
    set -l path (string replace -- "$option" '' "$token")
    set -l candidates (skybusctl complete -- (commandline -opc)[2..-1] "$token" 2>/dev/null)
    if test "$candidates" = '\f'
        printf '%s\n' "$option"(__fish_complete_path "$path")
    else if test "$candidates" = '\d'
        printf '%s\n' "$option"(__fish_complete_directories "$path")
    else
        printf '%s\n' $candidates
    end
end
complete -c skybusctl -f -k -a '(__skybusctl_candidates)'
