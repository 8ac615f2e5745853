"""Works that a methods section cites, as the documentation states them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sayre._version import __version__


class _Article(NamedTuple):
    """An article as BibTeX wants it; `doi` is empty where there is none."""

    author: str
    title: str
    journal: str
    volume: int
    pages: str
    year: int
    doi: str = ""


_ARTICLES = {
    "Fienup1982": _Article(
        "Fienup, J. R.",
        "Phase retrieval algorithms: a comparison",
        "Appl. Opt.",
        21,
        "2758--2769",
        1982,
        "10.1364/AO.21.002758",
    ),
    "Luke2005": _Article(
        "Luke, D. R.",
        "Relaxed averaged alternating reflections for diffraction imaging",
        "Inverse Problems",
        21,
        "37--50",
        2005,
        "10.1088/0266-5611/21/1/004",
    ),
    "Oszlanyi2004": _Article(
        "Oszl{\\'a}nyi, G. and S{\\\"u}t{\\H{o}}, A.",
        "{Ab initio} structure solution by charge flipping",
        "Acta Cryst. A",
        60,
        "134--141",
        2004,
        "10.1107/S0108767303027569",
    ),
    "Marchesini2003": _Article(
        "Marchesini, S. and He, H. and Chapman, H. N. and Hau-Riege, S. P. and Noy, A. and Howells, M. R. "
        "and Weierstall, U. and Spence, J. C. H.",
        "X-ray image reconstruction from a diffraction pattern alone",
        "Phys. Rev. B",
        68,
        "140101",
        2003,
        "10.1103/PhysRevB.68.140101",
    ),
    "Marchesini2007": _Article(
        "Marchesini, S.",
        "A unified evaluation of iterative projection algorithms for phase retrieval",
        "Rev. Sci. Instrum.",
        78,
        "011301",
        2007,
        "10.1063/1.2403783",
    ),
    "Elser2003": _Article(
        "Elser, V.",
        "Phase retrieval by iterated projections",
        "J. Opt. Soc. Am. A",
        20,
        "40--55",
        2003,
        "10.1364/JOSAA.20.000040",
    ),
    "Pham2019": _Article(
        "Pham, M. and Yin, P. and Rana, A. and Osher, S. and Miao, J.",
        "Generalized proximal smoothing ({GPS}) for phase retrieval",
        "Opt. Express",
        27,
        "2792",
        2019,
        "10.1364/OE.27.002792",
    ),
    "Thibault2012": _Article(
        "Thibault, P. and Guizar-Sicairos, M.",
        "Maximum-likelihood refinement for coherent diffractive imaging",
        "New J. Phys.",
        14,
        "063004",
        2012,
        "10.1088/1367-2630/14/6/063004",
    ),
    "Clark2012": _Article(
        "Clark, J. N. and Huang, X. and Harder, R. and Robinson, I. K.",
        "High-resolution three-dimensional partially coherent diffraction imaging",
        "Nat. Commun.",
        3,
        "993",
        2012,
        "10.1038/ncomms1994",
    ),
    "FavreNicolin2020": _Article(
        "Favre-Nicolin, V. and Leake, S. and Chushkin, Y.",
        "Free log-likelihood as an unbiased metric for coherent diffraction imaging",
        "Sci. Rep.",
        10,
        "2664",
        2020,
        "10.1038/s41598-020-57561-2",
    ),
    "GuizarSicairos2008": _Article(
        "Guizar-Sicairos, M. and Thurman, S. T. and Fienup, J. R.",
        "Efficient subpixel image registration algorithms",
        "Opt. Lett.",
        33,
        "156--158",
        2008,
        "10.1364/OL.33.000156",
    ),
    "Chapman2006": _Article(
        "Chapman, H. N. and Barty, A. and Marchesini, S. and Noy, A. and Hau-Riege, S. P. and Cui, C. and "
        "Howells, M. R. and Rosen, R. and He, H. and Spence, J. C. H. and Weierstall, U. and Beetz, T. and "
        "Jacobsen, C. and Shapiro, D.",
        "High-resolution {ab initio} three-dimensional x-ray diffraction microscopy",
        "J. Opt. Soc. Am. A",
        23,
        "1179",
        2006,
        "10.1364/JOSAA.23.001179",
    ),
    "Harauz1986": _Article(
        "Harauz, G. and van Heel, M.",
        "Exact filters for general geometry three dimensional reconstruction",
        "Optik",
        73,
        "146--156",
        1986,
    ),
    "vanHeel2005": _Article(
        "van Heel, M. and Schatz, M.",
        "Fourier shell correlation threshold criteria",
        "J. Struct. Biol.",
        151,
        "250--262",
        2005,
        "10.1016/j.jsb.2005.05.009",
    ),
    "Herraez2002": _Article(
        "Herr{\\'a}ez, M. A. and Burton, D. R. and Lalor, M. J. and Gdeisat, M. A.",
        "Fast two-dimensional phase-unwrapping algorithm based on sorting by reliability following a "
        "noncontinuous path",
        "Appl. Opt.",
        41,
        "7437--7444",
        2002,
        "10.1364/AO.41.007437",
    ),
    "AbdulRahman2007": _Article(
        "Abdul-Rahman, H. S. and Gdeisat, M. A. and Burton, D. R. and Lalor, M. J. and Lilley, F. and "
        "Moore, C. J.",
        "Fast and robust three-dimensional best path phase unwrapping algorithm",
        "Appl. Opt.",
        46,
        "6623--6635",
        2007,
        "10.1364/AO.46.006623",
    ),
}
"""Articles by the key that the text cites."""

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
        fields = {name: value for name, value in _ARTICLES[key]._asdict().items() if value}
        entries.append(_entry("article", key, fields))
    return "\n\n".join(entries) + "\n"


def _entry(kind: str, key: str, fields: Mapping[str, object]) -> str:
    inside = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{inside}\n}}"
