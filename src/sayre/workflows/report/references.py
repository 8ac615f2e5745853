"""Works that a methods section cites, as the documentation states them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sayre._version import __version__

_ARTICLES = {
    "Sayre1952": ("Sayre, D.", "Acta Cryst.", 5, "843", 1952),
    "Fienup1982": ("Fienup, J. R.", "Appl. Opt.", 21, "2758", 1982),
    "Luke2005": ("Luke, D. R.", "Inverse Problems", 21, "37", 2005),
    "Oszlanyi2004": ("Oszl{\\'a}nyi, G. and S{\\\"u}t{\\H{o}}, A.", "Acta Cryst. A", 60, "134", 2004),
    "Marchesini2003": ("Marchesini, S. and others", "Phys. Rev. B", 68, "140101", 2003),
    "Marchesini2007": ("Marchesini, S.", "Rev. Sci. Instrum.", 78, "011301", 2007),
    "Elser2003": ("Elser, V.", "J. Opt. Soc. Am. A", 20, "40", 2003),
    "Pham2019": ("Pham, M. and Yin, P. and Miao, J. and Osher, S.", "Opt. Express", 27, "2792", 2019),
    "Thibault2012": ("Thibault, P. and Guizar-Sicairos, M.", "New J. Phys.", 14, "063004", 2012),
    "Clark2012": (
        "Clark, J. N. and Huang, X. and Harder, R. and Robinson, I. K.",
        "Nat. Commun.",
        3,
        "993",
        2012,
    ),
    "FavreNicolin2020": (
        "Favre-Nicolin, V. and Leake, S. and Chushkin, Y.",
        "Sci. Rep.",
        10,
        "2664",
        2020,
    ),
    "GuizarSicairos2008": (
        "Guizar-Sicairos, M. and Thurman, S. T. and Fienup, J. R.",
        "Opt. Lett.",
        33,
        "156",
        2008,
    ),
    "Chapman2006": ("Chapman, H. N. and others", "J. Opt. Soc. Am. A", 23, "1179", 2006),
    "Harauz1986": ("Harauz, G. and van Heel, M.", "Optik", 73, "146", 1986),
    "vanHeel2005": ("van Heel, M. and Schatz, M.", "J. Struct. Biol.", 151, "250", 2005),
    "Herraez2002": ("Herr{\\'a}ez, M. A. and others", "Appl. Opt.", 41, "7437", 2002),
}
"""Authors, journal, volume, first page and year by key; titles are left to who cites them."""

_SOFTWARE = {
    "author": "{The Sayre developers}",
    "title": "Sayre: gap filling and phase retrieval for Bragg coherent diffraction imaging",
}

ALGORITHMS = {
    "ER": ("error reduction", ("Fienup1982",)),
    "HIO": ("hybrid input-output", ("Fienup1982",)),
    "RAAR": ("relaxed averaged alternating reflections", ("Luke2005",)),
    "CF": ("charge flipping", ("Oszlanyi2004", "Marchesini2007")),
    "DM": ("the difference map", ("Elser2003",)),
    "GPS": ("generalised proximal smoothing", ("Pham2019",)),
    "ML": ("Poisson maximum likelihood", ("Thibault2012",)),
    "AD": ("a parametrised object fitted by automatic differentiation", ()),
}
"""Names and sources of the steps of a recipe."""


def bibtex(keys: Iterable[str]) -> str:
    """BibTeX of the program and of the works that are named, each once, in their order."""
    entries = [_entry("software", "Sayre", _SOFTWARE | {"version": __version__})]
    for key in dict.fromkeys(keys):
        author, journal, number, page, year = _ARTICLES[key]
        fields = {"author": author, "journal": journal, "volume": number, "pages": page, "year": year}
        entries.append(_entry("article", key, fields))
    return "\n\n".join(entries) + "\n"


def _entry(kind: str, key: str, fields: Mapping[str, object]) -> str:
    inside = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{inside}\n}}"
