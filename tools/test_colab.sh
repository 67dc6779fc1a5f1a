#!/bin/sh
# Execute every page on the versions that Colab has (requirements-colab.txt), in a venv of
# its own. The package goes in beside them as a reader's install guard puts it there: pip
# may add what is missing and must not replace torch.
set -eu
python=$1
venv=.venv-colab
if [ ! -f $venv/.done ] || [ requirements-colab.txt -nt $venv/.done ]; then
    test -x $venv/bin/python || "$python" -m venv $venv
    $venv/bin/python -m pip install --quiet -r requirements-colab.txt
    touch $venv/.done
fi
before=$($venv/bin/python -c 'import importlib.metadata as m; print(m.version("torch"))')
$venv/bin/python -m pip install --quiet .
after=$($venv/bin/python -c 'import importlib.metadata as m; print(m.version("torch"))')
if [ "$before" != "$after" ]; then
    echo "installing the package replaced torch $before by $after"
    exit 1
fi
$venv/bin/python tools/execute.py --dry-run
