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
  local extras=$1 from
  make_venv
  from=$(cat "$root/pyproject.toml" "$root/scripts/constraints.txt" | sha256sum | cut -c 1-64)
  is_installed "$from" "$extras" && return
  case ",$extras," in *,torch*)
    say "installing torch==2.13.0"
    pip_install torch==2.13.0 ;;
  esac
  say "installing edgeml[$extras]"
  pip_install -e "$root[$extras]"
  echo "$from $extras" >>"$venv/.installed"
}

# is_installed FROM EXTRAS: whether all of them were installed from these very files.
is_installed() {
  local extra had
  [ -f "$venv/.installed" ] || return 1
  had=,$(sed -n "s/^$1 //p" "$venv/.installed" | paste -sd,),
  for extra in ${2//,/ }; do
    case $had in *,$extra,*) ;; *) return 1 ;; esac
  done
}

pip_install() {
  "$venv/bin/pip" install --disable-pip-version-check -c "$root/scripts/constraints.txt" "$@" >>"$log" 2>&1 ||
    { tail -n 5 "$log" >&2; die "the step 'pip install $*' failed; its output is in $log. Check the network and run this again."; }
}
