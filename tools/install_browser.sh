#!/bin/sh
# Make sure a Chromium is there for the browser tests: Debian's where apt works and we are
# root, else playwright's own download. Without one the tests are skipped loudly, and with
# CI=true this fails.
set -u
python=$1
if command -v chromium >/dev/null 2>&1; then exit 0; fi
if "$python" - <<'PY' 2>/dev/null
import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    sys.exit(not os.path.exists(p.chromium.executable_path))
PY
then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's chromium for the browser tests"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
echo "Downloading playwright's chromium for the browser tests"
"$python" -m playwright install chromium && exit 0
echo "************************************************************************"
echo "NO BROWSER: every test in tests/browser will be SKIPPED."
echo "Install Chromium (Debian: apt-get install chromium) and run this again."
echo "************************************************************************"
[ "${CI:-}" != true ]
