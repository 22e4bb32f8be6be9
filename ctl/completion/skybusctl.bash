# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion for bash: skybusctl itself knows what may come next.

_skybusctl() {
	local IFS=$'\n' current words
	# Bash breaks words at "=" and ":", so the last one is cut out of the line as the user sees it.
	current=${COMP_WORDS[COMP_CWORD]}
	words=("${COMP_WORDS[@]:1:COMP_CWORD}")
	mapfile -t COMPREPLY < <(skybusctl complete -- "${words[@]}" 2>/dev/null)
	case ${COMPREPLY[*]} in
	'\f') mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	'\d') mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
	esac
}
complete -o nosort -o filenames -F _skybusctl skybusctl
