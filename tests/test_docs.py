"""The documentation matches the repository: links, file names, commands, options, and docs/commands.md.

`python -m tests.test_docs` writes docs/commands.md from the commands' own `--help`.
"""

import dataclasses
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from pix2pix_tf import config

ROOT = Path(__file__).parent.parent
COMMANDS_PAGE = ROOT / "docs/commands.md"
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "datasets/*.md", "pretrained/*.md", "deploy/*.md")
    for path in ROOT.glob(pattern)
)
HELP_PYTHON = (3, 11)  # argparse wraps and spells options differently in newer versions
HEAD = """\
# Commands

Every command has `--help`, and this page is a copy of it. `pip install .` also installs `pix2pix-tf`, which has the
same commands: `pix2pix-tf train` is `python train.py`, and `pix2pix-tf prepare` is `python -m pix2pix_tf.prepare`.

| Exit code | Meaning |
|---:|---|
| 0 | success |
| 2 | a mistake in the arguments or in the data; one sentence names it and the cure |
| 130, 143 | interrupted by Ctrl-C or SIGTERM; the state is saved, and the same command resumes |
| 1 | any other error |

No command overwrites existing results unless an option asks for it.

This page is generated: `python -m tests.test_docs` on Python 3.11 writes it.
"""


def commands_page() -> str:
    """Return the text of docs/commands.md: the help of every command and subcommand."""
    tops = [
        "train.py",
        "evaluate.py",
        *(f"-m pix2pix_tf.{name}" for name in ("prepare", "generate", "fronts", "benefit", "share", "serving")),
    ]
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(tops, pool.map(help_of, tops), strict=True))
        subcommands = [f"{top} {name}" for top, text in found.items() for name in subcommand_names(text)]
        found |= dict(zip(subcommands, pool.map(help_of, subcommands), strict=True))
    ordered = [name for top in tops for name in found if name == top or name.startswith(f"{top} ")]
    return HEAD + "".join(f"\n## `python {name}`\n\n```text\n{found[name]}\n```\n" for name in ordered)


def help_of(command: str) -> str:
    """Return the output of `python COMMAND --help`."""
    result = subprocess.run(
        [sys.executable, *command.split(), "--help"],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "110"},
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def subcommand_names(text: str) -> list[str]:
    """Return the subcommands that a help text lists, such as ["run", "config", "predict"]."""
    listing = re.search(r"^  COMMAND\n((?:    .*\n)+)", text, re.MULTILINE)
    return re.findall(r"^    ([a-z][a-z-]*)", listing[1], re.MULTILINE) if listing else []


@cache
def text_of(page: Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


FENCED = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def prose_of(page: Path) -> str:
    """Return a page without its fenced code blocks."""
    return FENCED.sub("", text_of(page))


def code_lines(page: Path) -> list[str]:
    """Return the lines inside fenced code blocks, with continued lines joined."""
    blocks = FENCED.findall(text_of(page))
    return [line.strip() for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines()]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = Path(os.path.normpath(page.parent / name)) if name else page
        assert (ROOT / path).exists(), f"{page} links to {target}"
        if anchor:
            assert anchor in anchors(path), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_named_modules_and_files_exist(page):
    text = text_of(page)
    for module in re.findall(r"python -m ((?:pix2pix_tf|benchmarks|tests)(?:\.\w+)+)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), f"{page} names {module}"
    for script in re.findall(r"python (\w+\.py)", text):
        assert (ROOT / script).is_file(), f"{page} names {script}"
    for name in re.findall(r"`((?:pix2pix_tf|benchmarks|tests|docs|deploy|pretrained)/(?:[\w-][\w.-]*/?)*)`", text):
        assert (ROOT / name).exists(), f"{page} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_named_options_exist(page):
    sections = {
        section: type(getattr(config.Config("orig"), section)) for section in ("data", "model", "loss", "train")
    }
    known = {f"{name}.{option.name}" for name, section in sections.items() for option in dataclasses.fields(section)}
    named = re.findall(r"(?:`|--set )((?:data|model|loss|train)\.\w+)(?==| |`)", text_of(page))
    assert set(named) <= known | set(config.RENAMED) | {"train.py"}


@pytest.mark.parametrize("page", [page for page in PAGES if page.parts[:2] != ("docs", "commands.md")], ids=str)
def test_commands_use_options_that_exist(page):
    known = set(re.findall(r"--[a-z][a-z-]*", text_of(COMMANDS_PAGE.relative_to(ROOT))))
    for line in code_lines(page):
        if re.search(r"python (train|evaluate)\.py|-m pix2pix_tf\.|^pix2pix-tf ", line):
            assert set(re.findall(r" (--[a-z][a-z-]*)", line)) <= known, f"{page}: {line}"


def test_variants_page_names_every_variant():
    named = re.findall(r"^## `(\w+)`$", text_of(Path("docs/variants.md")), re.MULTILINE)
    assert sorted(named) == sorted(config.VARIANTS)


def test_readme_fits_two_screens():
    assert len(text_of(Path("README.md")).splitlines()) <= 200


def test_layout_names_every_folder():
    """Every folder in the README's layout exists, and every folder of the package is in it."""
    layout = text_of(Path("README.md")).split("\n## Layout\n")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `([\w./]+/)`", layout, re.MULTILINE))
    assert all((ROOT / name).is_dir() for name in named)
    assert {f"pix2pix_tf/{path.parent.name}/" for path in ROOT.glob("pix2pix_tf/*/__init__.py")} <= named


@pytest.mark.skipif(sys.version_info[:2] != HELP_PYTHON, reason="argparse formats its help differently in each Python")
def test_commands_page_is_current():
    assert text_of(COMMANDS_PAGE.relative_to(ROOT)) == commands_page(), "python -m tests.test_docs writes it"


if __name__ == "__main__":
    if sys.version_info[:2] != HELP_PYTHON:
        sys.exit(f"Write docs/commands.md on Python {HELP_PYTHON[0]}.{HELP_PYTHON[1]}.")
    COMMANDS_PAGE.write_text(commands_page(), encoding="utf-8")
    print(f"{COMMANDS_PAGE.relative_to(ROOT)} written")
