"""The frames of a multi-frame object, any of them, without the others in memory.

What is native and little endian is read where it lies. What is compressed, big endian or deflated is first decoded, a
frame after the other, into a temporary file, from which frames are read alike.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from extract.annotations.annotation import AnnotationError
from extract.data_set import PLAIN_START, UNDEFINED, ReadFile
from extract.limits import LimitError

_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"  # Deflated Image Frame Compression (PS3.5 A.4.13)
_READ_AHEAD = 1 << 20
_INFLATED_BYTES = 4 << 30
_TYPES: dict[int, np.dtype[Any]] = {8: np.dtype("<u1"), 16: np.dtype("<u2")}
_NO_DECODER = "its pixels cannot be decoded"


@contextmanager
def plain_file(path: Path) -> Iterator[BinaryIO]:
    """Open a DICOM file; a deflated one (PS3.5 A.5) as a temporary copy that is inflated.

    Raises LimitError where that would be larger than any mask.
    """
    with ExitStack() as opened:
        file: BinaryIO = opened.enter_context(path.open("rb"))
        read_preamble(file, force=True)
        meta = _read_file_meta_info(file)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            inflated = opened.enter_context(TemporaryFile())
            _inflate(file, inflated)
            file = inflated
        file.seek(0)
        yield file


def _inflate(file: BinaryIO, inflated: IO[bytes]) -> None:
    inflated.write(PLAIN_START)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    deflated = file.read(_READ_AHEAD)
    while deflated and not inflater.eof:
        inflated.write(inflater.decompress(deflated, _READ_AHEAD))
        if inflated.tell() > _INFLATED_BYTES:
            raise LimitError(f"more than {_INFLATED_BYTES >> 30} GB inflated")
        deflated = inflater.unconsumed_tail or file.read(_READ_AHEAD)


@dataclass(frozen=True)
class FramePixels:
    """Frames of one sample a pixel, each `stride` bits behind the one before it, from byte `start` of a file on."""

    file: IO[bytes]
    start: int
    stride: int
    bits: int  # 1, 8 or 16 a pixel
    rows: int
    columns: int

    def frame(self, number: int) -> NDArray[Any]:
        """Return a frame (rows, columns), the first being 0; bits as 0 and 1."""
        first = number * self.stride
        pixels = self.rows * self.columns
        last = first + pixels * self.bits
        self.file.seek(self.start + first // 8)
        data = self.file.read((last + 7) // 8 - first // 8)
        if len(data) < (last + 7) // 8 - first // 8:
            raise AnnotationError("its pixels are cut", "the file ends within them")
        if self.bits > 1:
            return np.frombuffer(data, _TYPES[self.bits]).reshape(self.rows, self.columns)
        # The first pixel is the lowest bit, and frames follow without a gap (PS3.5 8.1.1, 8.2).
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[first % 8 : first % 8 + pixels].reshape(self.rows, self.columns)


@contextmanager
def frame_pixels(file: BinaryIO, read: ReadFile, header: Dataset, frames: int) -> Iterator[FramePixels]:
    """Give access to the frames of an open file, which is plain, was `read`, and has this `header`.

    Raises AnnotationError where there are no pixels, or none that can be decoded.
    """
    rows, columns, bits = (int(header.get(name) or 0) for name in ("Rows", "Columns", "BitsAllocated"))
    if bits not in (1, *_TYPES) or min(rows, columns, frames) < 1 or int(header.get("SamplesPerPixel") or 1) != 1:
        raise AnnotationError("its pixels are no mask", "Rows, Columns, frames, bits or samples are not those of one")
    if read.pixels_at is None:
        raise AnnotationError("it has no pixels", None)
    start, length, is_in_words = _pixel_element(file, read)
    if length != UNDEFINED:
        size = (rows * columns * bits * frames + 7) // 8
        if os.fstat(file.fileno()).st_size < start + size:
            raise AnnotationError("its pixels are cut", "the file is shorter than its frames")
        if read.little_endian or not is_in_words:
            yield FramePixels(file, start, rows * columns * bits, bits, rows, columns)
            return
        with TemporaryFile() as swapped:
            for at in range(start, start + size, _READ_AHEAD):
                file.seek(at)
                words = file.read(_READ_AHEAD)
                swapped.write(np.frombuffer(words + bytes(len(words) % 2), ">u2").astype("<u2").tobytes())
            yield FramePixels(swapped, 0, rows * columns * bits, bits, rows, columns)
        return
    syntax = UID(str(header.file_meta.get("TransferSyntaxUID") or ""))
    stride = (rows * columns * bits + 7) // 8
    with TemporaryFile() as decoded:
        file.seek(start)
        number = 0
        try:
            for frame in _decoded(file, syntax, header, frames):
                flat = frame.ravel()
                data = np.packbits(flat != 0, bitorder="little") if bits == 1 else flat.astype(_TYPES[bits])
                if data.nbytes != stride:
                    raise AnnotationError(_NO_DECODER, "a frame has another size than Rows and Columns")
                decoded.write(data.tobytes())
                number += 1
        except (NotImplementedError, RuntimeError, ValueError, zlib.error, AttributeError, TypeError) as error:
            # pydicom raises what its decoders do: without the plugin for a syntax, and on broken frames.
            encoding = syntax.name if syntax.is_transfer_syntax else "an encoding that is not known"
            raise AnnotationError(_NO_DECODER, f"{encoding}: {type(error).__name__}") from None
        if number < frames:
            raise AnnotationError("its pixels are cut", f"{number} of {frames} frames")
        yield FramePixels(decoded, 0, stride * 8, bits, rows, columns)


def _pixel_element(file: BinaryIO, read: ReadFile) -> tuple[int, int, bool]:
    """Return where the value of the pixel data begins, its length, and whether it is of words, which have an order."""
    order = "<" if read.little_endian else ">"
    file.seek(read.pixels_at or 0)
    if read.implicit:
        *tag, length = Struct(f"{order}HHL").unpack(file.read(8))
        vr = b"OW"
    else:
        *tag, vr, length = Struct(f"{order}HH2sxxL").unpack(file.read(12))
    if tag != [0x7FE0, 0x0010]:
        raise AnnotationError("its pixels are no mask", "they are floating-point numbers")
    return file.tell(), length, vr == b"OW"


def _decoded(file: BinaryIO, syntax: UID, header: Dataset, frames: int) -> Iterator[NDArray[Any]]:
    """Decode the frames in their order, from the start of the pixel data's value on."""
    if syntax == _DEFLATED_FRAMES:
        size = int(header.Rows) * int(header.Columns) * int(header.BitsAllocated)
        for deflated in generate_frames(file, number_of_frames=frames):
            data = np.frombuffer(zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, (size + 7) // 8), np.uint8)
            bits = int(header.BitsAllocated)
            yield np.unpackbits(data, bitorder="little")[:size] if bits == 1 else data.view(_TYPES[bits])
        return
    options: dict[str, Any] = {
        "rows": int(header.Rows),
        "columns": int(header.Columns),
        "samples_per_pixel": 1,
        "number_of_frames": frames,
        "bits_allocated": int(header.BitsAllocated),
        "bits_stored": int(header.get("BitsStored") or header.BitsAllocated),
        "photometric_interpretation": str(header.get("PhotometricInterpretation") or "MONOCHROME2"),
        "pixel_representation": 0,
        "pixel_keyword": "PixelData",
        "pixel_vr": "OB",
    }
    for frame, _ in get_decoder(syntax).iter_array(file, raw=True, **options):
        yield frame
