"""Arrows of import go down only: the tree is the architecture."""

from __future__ import annotations

from tests.architecture.package_imports import Import, all_imports, modules, part_of

# From the top floor to the ground; parts of one floor may use each other.
FLOORS = (
    {
        "cli",
        "declarations",
        "demonstration",
        "experiment",
        "experiment_display",
        "experiment_file",
        "lab",
        "results",
        "scoring_display",
    },
    {"notebook"},
    {"report"},
    {"plots"},
    {"analysis"},
    {"experiments"},
    {"stats"},
    {"client", "server"},
    {"demo"},
    {"agents", "assess", "llm"},
    {"sandbox"},
    {
        "bounded_text",
        "errors",
        "explanation",
        "hostile_text",
        "lifecycle",
        "live",
        "models",
        "recording",
        "seeding",
        "verdicts",
    },
)
FLOOR_OF = {part: height for height, parts in enumerate(reversed(FLOORS)) for part in parts}

# What may look up after all, and why.
UPWARD = {
    ("notebook", "lab"): "a widget shows a Lab it is given, and `%polpo connect` calls connect()",
}

# Who may import a part, where the floors alone would allow more.
ONLY_FOR = {
    "server": {"cli", "demonstration", "experiment", "experiment_display", "lab", "results"},
}

# What a part may not import, though it stands above it.
NEVER = {
    "client": {"server"},
    "experiments": {"server"},
    "plots": {"client", "server", "lab"},
    "stats": set(FLOOR_OF) - {"stats", "errors"},
}
FETCHING = {"aiohttp", "http", "httpx", "httpx_sse", "requests", "socket", "urllib"}


def own_imports() -> list[Import]:
    """Imports between parts of the package; its top module, which names all, left out."""
    return [
        each
        for each in all_imports()
        if each.imported.startswith("polpo_lab.")
        and each.importer != "polpo_lab"
        and part_of(each.importer) != part_of(each.imported)
    ]


def complaints(imports: list[Import]) -> list[str]:
    return [str(each) for each in imports]


def test_every_part_of_the_package_has_its_floor():
    parts = {part_of(module) for module, _ in modules()} - {""}
    assert parts <= set(FLOOR_OF), "a new part needs a place in FLOORS"


def test_nothing_imports_upward():
    assert not complaints(
        [
            each
            for each in own_imports()
            if FLOOR_OF[part_of(each.imported)] > FLOOR_OF[part_of(each.importer)]
            and (part_of(each.importer), part_of(each.imported)) not in UPWARD
        ]
    )


def test_every_exception_is_still_needed():
    used = {(part_of(each.importer), part_of(each.imported)) for each in own_imports()}
    assert set(UPWARD) <= used, "an exception that nothing uses has to go"


def test_client_and_server_never_import_each_other():
    pair = {"client", "server"}
    assert not complaints(
        [i for i in own_imports() if {part_of(i.importer), part_of(i.imported)} == pair]
    )


def test_what_a_part_must_not_know_it_does_not_import():
    assert not complaints(
        [i for i in own_imports() if part_of(i.imported) in NEVER.get(part_of(i.importer), ())]
    )


def test_only_the_top_floor_starts_a_server():
    assert not complaints(
        [
            i
            for i in own_imports()
            if part_of(i.importer) not in ONLY_FOR.get(part_of(i.imported), FLOOR_OF)
        ]
    )


def test_stats_and_plots_never_fetch():
    assert not complaints(
        [
            i
            for i in all_imports()
            if part_of(i.importer) in {"stats", "plots"} and i.imported.split(".")[0] in FETCHING
        ]
    )


def test_no_part_takes_the_whole_package():
    # `import polpo_lab` reaches every public name, and so every floor, unseen by these tests.
    asked = {i.importer for i in all_imports() if i.imported == "polpo_lab"}
    assert asked <= {"polpo_lab.sandbox.walls"}  # it needs the package's folder only
