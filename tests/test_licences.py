"""Licences: recognised by address, identifier and name; nothing concluded from silence."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.licences import (
    LICENCES,
    TERMS,
    is_open,
    list_terms,
    measure_licences,
    read_licence,
)

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("stated", "identifier"),
    [
        (f"{CC}/licenses/by/4.0/", "CC-BY-4.0"),
        (f"{CC}/licenses/by/3.0/de/", "CC-BY-3.0-DE"),
        (f"{CC}/licenses/by/3.0/igo", "CC-BY-3.0-IGO"),
        ("http://www.creativecommons.org/licenses/by-nc-sa/2.0/deed.fr", "CC-BY-NC-SA-2.0"),
        ("//creativecommons.org/licenses/BY-ND/4.0/legalcode", "CC-BY-ND-4.0"),
        (f"{CC}/licenses/by-nd-nc/1.0", "CC-BY-NC-ND-1.0"),
        (f"{CC}/licenses/by-sa?ref=chooser", "CC-BY-SA"),
        (f"{CC}/publicdomain/zero/1.0/deed.en", "CC0-1.0"),
        (f"{CC}/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        (f"{CC}/licenses/publicdomain/", "CC-PDDC"),
        ("https://www.gnu.org/copyleft/fdl.html", "GFDL"),
        ("http://www.gnu.org/licenses/old-licenses/fdl-1.2.html", "GFDL-1.2"),
        ("https://www.gnu.org/licenses/gpl-3.0.en.html", "GPL-3.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://opensource.org/license/mit/", "MIT"),
        ("https://spdx.org/licenses/BSD-3-Clause.html", "BSD-3-Clause"),
        ("https://opendatacommons.org/licenses/odbl/1-0/", "ODbL-1.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("cc-by-3.0-de", "CC-BY-3.0-DE"),
        ("CC0", "CC0-1.0"),
        ("apache-2.0", "Apache-2.0"),
        ("GPL-3.0-or-later", "GPL-3.0-or-later"),
        ("bsd-2-clause", "BSD-2-Clause"),
        ("Text is available under CC BY-NC 2.5, see there.", "CC-BY-NC-2.5"),
        ("a Creative Commons Attribution-NonCommercial-NoDerivs 3.0 Licence", "CC-BY-NC-ND-3.0"),
        ("Creative Commons Attribution", "CC-BY"),
        (f"{CC}/", None),
        (f"{CC}/licenses/sampling+/1.0/", None),
        (f"{CC}/licenses/bystander/1.0/", None),
        ("all rights reserved", None),
        ("mitten", None),
        ("https://example.org/terms", None),
        ("", None),
    ],
)
def test_recognised(stated, identifier):
    assert read_licence(stated) == identifier


@pytest.mark.parametrize(
    ("identifier", "terms", "opened"),
    [
        ("CC0-1.0", {"public-domain"}, True),
        ("CC-PDM-1.0", {"public-domain"}, True),
        ("CC-BY-3.0-DE", {"attribution"}, True),
        ("CC-BY-SA", {"attribution", "share-alike"}, True),
        ("CC-BY-NC-4.0", {"attribution", "non-commercial"}, False),
        ("CC-BY-ND-4.0", {"attribution", "no-derivatives"}, False),
        ("CC-BY-NC-ND-4.0", {"attribution", "non-commercial", "no-derivatives"}, False),
        ("GFDL-1.3", {"attribution", "share-alike"}, True),
        ("MIT", {"attribution"}, True),
        ("unknown", set(), False),
        ("", set(), False),
    ],
)
def test_terms(identifier, terms, opened):
    assert list_terms(identifier) == terms
    assert is_open(identifier) is opened


ELEMENTS = st.lists(st.sampled_from(["by", "nc", "nd", "sa"]), min_size=1, max_size=4, unique=True)


@given(ELEMENTS, st.sampled_from(["", "/1.0", "/4.0", "/3.0/fr", "/3.0/IGO"]))
def test_an_identifier_is_its_own(elements, rest):
    identifier = read_licence(f"{CC}/licenses/{'-'.join(elements)}{rest}/")
    assert identifier is not None and read_licence(identifier) == identifier
    assert len(list_terms(identifier)) == len(elements)
    assert is_open(identifier) == (not {"nc", "nd"} & set(elements))


@given(st.text() | st.from_regex(r"(cc|by|nc|nd|sa|[ -/.0-9]|creativecommons){0,12}"))
def test_any_text_has_a_licence_or_none(stated):
    identifier = read_licence(stated)
    assert identifier is None or identifier.isascii()
    assert list_terms(identifier or "") <= set(TERMS)


@given(
    st.lists(
        st.sampled_from([None, "MIT", "no", f"{CC}/licenses/by/4.0/", "CC BY-NC 4.0"]), max_size=6
    )
)
def test_batches_agree_with_single_statements(stated):
    found = measure_licences(pa.array(stated, pa.string()))
    assert found.schema == LICENCES
    for value, row in zip(stated, found.to_pylist(), strict=True):
        identifier = None if value is None else read_licence(value)
        assert row["licence_id"] == identifier
        assert (row["licence_open"] is None) == (identifier is None)
        assert identifier is None or row["licence_open"] == is_open(identifier)
