#!/usr/bin/env bash
# Makes the environment in the folder $1: system packages through apt where they are missing, Python packages pinned by the lock.
set -euo pipefail
venv=${1:?usage: setup.sh VENV}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || {
    echo "octoglot needs Python 3.11 or 3.12; $python is $("$python" -V 2>&1). Try: make PYTHON=python3.12 setup" >&2
    exit 1
}

packs=(eng deu fra ita por hin spa tha osd)
wanted=("${packs[@]/#/tesseract-ocr-}" fonts-thai-tlwg fonts-noto-core fonts-lohit-deva fonts-dejavu-core fonts-liberation)
"$python" -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "Install by hand, with this system's package manager: Tesseract's language packs (${packs[*]}) and" >&2
        echo "the fonts Garuda (Thai), Noto Sans Devanagari, Lohit Devanagari, DejaVu and Liberation. Then run make again." >&2
        exit 1
    fi
    sudo=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "As root: apt-get install -y ${missing[*]}" >&2; exit 1; }
        sudo=(sudo)
    fi
    echo "Installing system packages: ${missing[*]}"
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing Python packages into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
