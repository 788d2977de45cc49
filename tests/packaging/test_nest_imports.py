import ast
import subprocess
import sys
from pathlib import Path

import pytest

from hatch_build import nest_imports


@pytest.mark.parametrize(
    ("checkout", "wheel"),
    [
        ("from models import catalog\n", "from sightsound.models import catalog\n"),
        ("from models.a.b import c as d\n", "from sightsound.models.a.b import c as d\n"),
        ("from pipelines import (\n    a,\n)\n", "from sightsound.pipelines import (\n    a,\n)\n"),
        ("import apps.main as m\n", "import sightsound.apps.main as m\n"),
        ("import presets\n", "import sightsound.presets as presets\n"),
        (
            "import os, models.catalog, sys\n",
            "import os, sightsound.models.catalog, sightsound.models as models, sys\n",
        ),
        ("def f():\n    from apps import a\n", "def f():\n    from sightsound.apps import a\n"),
        (
            "if True: from apps import a; from models import b\n",
            "if True: from sightsound.apps import a; from sightsound.models import b\n",
        ),
        ("é = 1; from models import b\n", "é = 1; from sightsound.models import b\n"),
    ],
)
def test_import_statements_are_nested(checkout: str, wheel: str) -> None:
    assert nest_imports(checkout.encode()).decode() == wheel
    ast.parse(wheel)


@pytest.mark.parametrize(
    "untouched",
    [
        '"""Say\n\n    from models.catalog import create_model\n"""\n',
        "# from models import catalog\n",
        "text = 'import models'\n",
        "from keras import models\n",
        "import keras.models\n",
        "from . import models\n",
        "from .models import lenet\n",
        "import modelscope\n",
        "models = 1\nmodels.real\n",
        "import importlib\nimportlib.import_module('keras.models')\n",
    ],
)
def test_everything_else_stays(untouched: str) -> None:
    assert nest_imports(untouched.encode()).decode() == untouched


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module('models.catalog')\n",
        "from importlib import import_module\nimport_module('pipelines')\n",
        "__import__('apps.main')\n",
        "from models \\\n    .catalog import a\n",
    ],
)
def test_what_cannot_be_rewritten_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"^file\.py:\d: "):
        nest_imports(source.encode(), "file.py")


def test_rewritten_imports_run(tmp_path: Path) -> None:
    source = b"""\
import models.catalog
from models import catalog as direct
import models.catalog as other
assert models.catalog is direct is other and models.__name__ == "sightsound.models"
"""
    package = tmp_path / "sightsound" / "models"
    package.mkdir(parents=True)
    for module in (package.parent / "__init__.py", package / "__init__.py", package / "catalog.py"):
        module.touch()
    script = tmp_path / "script.py"
    script.write_bytes(nest_imports(source))
    subprocess.run([sys.executable, str(script)], check=True)
