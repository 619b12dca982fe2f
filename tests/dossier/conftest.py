"""Dossiers of the small results folder of tests/package, in whose sentences, values and leads canaries
are planted.
"""

import pytest

from tests.package.small_results import tables, write_results


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results") / "results", tables())


@pytest.fixture(scope="session")
def attributed(results, tmp_path_factory):
    """The attribution of these results to two actors."""
    from stillwatch.attribution.run import attribute

    out = tmp_path_factory.mktemp("attribution")
    actors = out / "actors.toml"
    actors.write_text(
        '[[actors]]\nname = "Alpha Laboratory"\n[[actors.capability_interests]]\nvalues = ["coding"]\nsource '
        '= "adverts"\ngrade = "B2"\n'
        '[[actors]]\nname = "Beta Laboratory"\n'
    )
    attribute(results, actors, out / "told")
    return out / "told"


@pytest.fixture(scope="session")
def made(results, attributed, tmp_path_factory):
    from stillwatch.dossier.content import DossierTerms
    from stillwatch.dossier.run import write_dossier

    out = tmp_path_factory.mktemp("made") / "dossier"
    write_dossier(
        results,
        "C1",
        out,
        terms=DossierTerms(producer="Example Inc.", done=("suspended the accounts",)),
        attribution=attributed,
    )
    return out
