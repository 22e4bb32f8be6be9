# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion for bash: skybusctl itself knows what may come next.

_skybusctl() {
	local rest=$COMP_LINE blanks word i words=()

	# Bash breaks words at "=" and ":", too: what has no blanks between is one word of the user's.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		blanks=${rest%%[![:space:]]*}
		rest=${rest:${#blanks}}
		rest=${rest:${#word}}
		if [[ $i -eq 0 || -n $blanks ]]; then
			words+=("$word")
		else
			words[-1]+=$word
		fi
	done
	mapfile -t COMPREPLY < <(skybusctl complete -- "${words[@]:1}" 2>/dev/null)
	case ${COMPREPLY[*]} in
	'\f') COMPREPLY=() && compopt -o default ;;
	'\d') COMPREPLY=() && compopt -o dirnames ;;
	*)
		# It puts in what stands behind the last break.
		word=${words[-1]}
		[[ $COMP_WORDBREAKS == *=* ]] && COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*[=:]}"}"}")
		;;
	esac
}
complete -o nosort -F _skybusctl skybusctl
