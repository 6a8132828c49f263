"""MNIST and EMNIST letters: the files, their mirrors and checksums, and how they become arrays.

References
----------
.. [1] LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P., "Gradient-based learning applied to document recognition",
   Proceedings of the IEEE 86(11), 1998. https://doi.org/10.1109/5.726791
.. [2] Cohen, G., Afshar, S., Tapson, J. and van Schaik, A., "EMNIST: Extending MNIST to handwritten letters",
   IJCNN 2017. https://doi.org/10.1109/IJCNN.2017.7966217
"""

import os
import string
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from nets.data.dataset import LabelledImages, Split
from nets.data.fetch import Publication, find, locate
from nets.data.idx import read_idx
from nets.errors import CorruptDataError

Array = npt.NDArray[Any]
Part = Literal["train", "test"]

MNIST: Final = Publication(
    title="MNIST",
    folders=("mnist",),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    checksums={
        "train-images-idx3-ubyte.gz": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
)

EMNIST_LETTERS: Final = Publication(
    title="EMNIST letters",
    folders=("emnist-letters", "gzip"),
    mirrors=(
        "https://biometrics.nist.gov/cs_links/EMNIST/",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
    ),
    checksums={"gzip.zip": "md5:58c8d27c78d21e728a6bc7b3cc06412e"},  # 535.73 MiB
    archive="gzip.zip",
    member_prefix="gzip/emnist-letters-",
)


def load_mnist(folder: str | os.PathLike[str] | None = None) -> Split:
    """Load MNIST [1]_: 60,000 handwritten digits to train with and 10,000 to test.

    Parameters
    ----------
    folder : path, optional
        Where the four files are, gzipped or plain, directly or in a subfolder ``mnist``; nothing is downloaded then.
        By default the folder in the environment variable ``GAME2048_DATA``; and if that is not set, the cache in the
        user's data folder, which is filled from the mirrors (11 MB).

    Returns
    -------
    Split
        ``train`` and ``test``, with images of shape (n, 28, 28) and labels 0..9, both uint8.

    Raises
    ------
    MissingDataError, CorruptDataError
        If a file is not there, or is not what it should be; the message names it.
    """
    names = [(f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz") for part in ("train", "t10k")]
    (train_images, train_labels), (test_images, test_labels) = (locate(MNIST, pair, folder) for pair in names)
    digits = tuple(string.digits)
    return Split(_load_pair(train_images, train_labels, digits), _load_pair(test_images, test_labels, digits))


def load_emnist_letters(folder: str | os.PathLike[str] | None = None) -> Split:
    """Load the letters of EMNIST [2]_: 26 classes, upper and lower case in one.

    The published images are transposed, which is righted here; the published labels 1..26 become 0..25. The official
    split has 124,800 images to train with and 20,800 to test; files of the same format with other numbers of images
    are accepted as well.

    Parameters
    ----------
    folder : path, optional
        As in `load_mnist`; the subfolder is ``emnist-letters`` or ``gzip``. The download is one archive of 536 MiB,
        of which 30 MiB are kept.

    Returns
    -------
    Split
        ``train`` and ``test``, with images of shape (n, 28, 28) and labels 0..25, both uint8. ``case`` and
        ``source`` are set where there are files ``emnist-letters-*-case-idx1-ubyte`` and ``-source-``, which are no
        part of the official distribution.

    Raises
    ------
    MissingDataError, CorruptDataError
        If a file is not there, or is not what it should be; the message names it.
    """
    return Split(_load_letters("train", folder), _load_letters("test", folder))


def _load_letters(part: Part, folder: str | os.PathLike[str] | None) -> LabelledImages:
    stem = f"emnist-letters-{part}"
    names = [f"{stem}-images-idx3-ubyte.gz", f"{stem}-labels-idx1-ubyte.gz"]
    images, labels = locate(EMNIST_LETTERS, names, folder)
    letters = _load_pair(images, labels, tuple(string.ascii_uppercase), first_label=1)
    beside = {name: find(f"{stem}-{name}-idx1-ubyte.gz", [images.parent]) for name in ("case", "source")}
    return LabelledImages(
        images=np.ascontiguousarray(letters.images.transpose(0, 2, 1)),
        labels=letters.labels,
        classes=letters.classes,
        **{name: _load_per_image(path, len(letters)) for name, path in beside.items() if path},
    )


def _load_pair(images: Path, labels: Path, classes: tuple[str, ...], first_label: int = 0) -> LabelledImages:
    pixels = read_idx(images)
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (28, 28) or not len(pixels):
        raise CorruptDataError(f"{images} must hold uint8 of shape (n, 28, 28), got {pixels.dtype} {pixels.shape}")
    answers = _load_per_image(labels, len(pixels))
    if answers.min() < first_label or answers.max() >= first_label + len(classes):
        raise CorruptDataError(
            f"{labels} must hold labels from {first_label} to {first_label + len(classes) - 1}, "
            f"got {answers.min()} to {answers.max()}"
        )
    return LabelledImages(images=pixels, labels=answers - np.uint8(first_label), classes=classes)


def _load_per_image(path: Path, n: int) -> npt.NDArray[np.uint8]:
    values = read_idx(path)
    if values.dtype != np.uint8 or values.shape != (n,):
        raise CorruptDataError(
            f"{path} must hold {n} numbers of uint8, one an image, got {values.dtype} {values.shape}"
        )
    return values
