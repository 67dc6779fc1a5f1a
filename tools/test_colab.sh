#!/bin/sh
# Execute every page on the versions that Colab has (requirements-colab.txt), in a venv of
# its own. The package goes in beside them as a reader's install guard puts it there: pip
# may add what is missing and must not replace what is there, torch above all.
set -eu
python=$1
venv=.venv-colab
versions() {
    $venv/bin/python -m pip list --format=freeze |
        grep -E '^(torch|numpy|matplotlib|ipywidgets|ipython|ipykernel|mlxtend|scikit-learn)=='
}
if [ ! -f $venv/.done ] || [ requirements-colab.txt -nt $venv/.done ] ||
    [ requirements-export.txt -nt $venv/.done ]; then
    test -x $venv/bin/python || "$python" -m venv $venv
    $venv/bin/python -m pip install --quiet -r requirements-colab.txt
    $venv/bin/python -m pip install --quiet --no-deps -r requirements-llm.txt
    $venv/bin/python -m pip install --quiet -r requirements-export.txt
    touch $venv/.done
fi
before=$(versions)
$venv/bin/python -m pip install --quiet .
after=$(versions)
if [ "$before" != "$after" ]; then
    printf 'installing the package replaced what Colab has:\n%s\nby\n%s\n' "$before" "$after"
    exit 1
fi
PYDEVD_DISABLE_FILE_VALIDATION=1 $venv/bin/python tools/execute.py --dry-run
