"""The cache of compiled kernels: an edit that a kernel may feel gives it another folder."""

from pathlib import Path

import agents
from game2048._jit import source_hash, top_package


def test_a_kernel_belongs_to_its_whole_package():
    """Those of policies call those of the n-tuple network, which are in the folder above."""
    folder = Path(agents.__file__).parent

    assert top_package(folder / "policy" / "critic.py") == top_package(folder / "ntuple.py") == folder


def test_any_edit_in_a_package_gives_another_folder(tmp_path):
    package = tmp_path / "package"
    inner = package / "inner"
    inner.mkdir(parents=True)
    for folder in (package, inner):
        (folder / "__init__.py").touch()
    caller, callee = inner / "caller.py", package / "callee.py"
    caller.write_text("from package.callee import double\n")
    callee.write_text("def double(x): return 2 * x\n")
    before = source_hash(frozenset({top_package(caller)}))

    callee.write_text("def double(x): return x + x\n")

    assert top_package(caller) == package
    assert source_hash(frozenset({top_package(caller)})) != before
