# Sourced by scripts/demo and scripts/test: makes .venv, completes it, and says which step failed.
# A step that is already done is skipped, by a stamp that holds what it was done from.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
log=$root/.venv-install.log

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$*"; exit 1; }

make_venv() {
  [ -x "$venv/bin/python" ] && return
  local python
  python=$(command -v python3.11 || command -v python3) || die "no python3 was found; install Python 3.11."
  "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    die "Python 3.11 is needed (tflite-runtime has no wheels above it), but $python is $("$python" -V); install python3.11."
  say "making .venv"
  "$python" -m venv "$venv" >"$log" 2>&1 ||
    die "the step 'make .venv' failed; on Debian install python3-venv. Its output is in $log."
}

# install EXTRAS: the project itself, editable, with these extras; torch first, by its exact build.
install() {
  local extras=$1 wanted
  make_venv
  wanted="$extras $(cat "$root/pyproject.toml" "$root/scripts/constraints.txt" | sha256sum)"
  # A stamp for more extras than these serves as well.
  if [ -f "$venv/.installed" ] && grep -qxF "$wanted" "$venv/.installed"; then return; fi
  case ",$extras," in *,torch*)
    say "installing torch==2.13.0"
    pip_install torch==2.13.0 ;;
  esac
  say "installing edgeml[$extras]"
  pip_install -e "$root[$extras]"
  echo "$wanted" >>"$venv/.installed"
}

pip_install() {
  "$venv/bin/pip" install --disable-pip-version-check -c "$root/scripts/constraints.txt" "$@" >>"$log" 2>&1 ||
    { tail -n 5 "$log" >&2; die "the step 'pip install $*' failed; its output is in $log. Check the network and run this again."; }
}
