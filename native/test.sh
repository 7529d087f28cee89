#!/usr/bin/env bash
# Builds nsexec and its tests into a directory of their own and runs them: the C tests under ASan and UBSan, the same
# against the binary as it is shipped, then the fuzzer for a number of seconds (5 unless told).
#
#     native/test.sh [SECONDS [SEED]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cc=${CC:-cc}
warnings=(-std=c11 -Wall -Wextra)
sanitizers=(-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all)
export ASAN_OPTIONS=detect_leaks=0 # nsexec frees nothing that execve(2) frees, and looking for leaks needs ptrace(2)

into=$(mktemp -d)
trap 'rm -rf "$into"' EXIT
chmod 755 "$into"

# Shows what is not simply well.
run() {
  echo "# $1"
  shift
  "$@" >"$into/output" 2>&1 && local status=0 || local status=$?
  grep -v -e '^ok .* - ' -e '^1\.\.' "$into/output" || true
  return $status
}

shipped=(-Werror -Wshadow -Wconversion -O2)
"$cc" "${warnings[@]}" "${shipped[@]}" -static nsexec.c -o "$into/nsexec" 2>"$into/output" ||
  "$cc" "${warnings[@]}" "${shipped[@]}" nsexec.c -o "$into/nsexec"
"$cc" "${warnings[@]}" "${sanitizers[@]}" test.c -o "$into/test"
"$cc" "${warnings[@]}" "${sanitizers[@]}" fuzz.c -o "$into/fuzz"

run "tests under ASan and UBSan" "$into/test"
run "tests of the binary" "$into/test" "$into/nsexec"
run "fuzzing" "$into/fuzz" "${1:-5}" ${2:+"$2"}
