# SPDX-License-Identifier: Apache-2.0
# Completion for fish: skybusctl itself knows what may come next.

function __skybusctl_candidates
    set -l words (commandline -opc) (commandline -ct)
    set -l candidates (skybusctl complete -- $words[2..-1] 2>/dev/null)
    switch "$candidates"
        case '\\\\f'
            __fish_complete_path (commandline -ct)
        case '\\\\d'
            __fish_complete_directories (commandline -ct)
        case '*'
            printf '%s\n' $candidates
    end
end
complete -c skybusctl -f -a '(__skybusctl_candidates)'
