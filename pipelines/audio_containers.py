"""Whether a file is whole, told by its container before anything is decoded.

Decoders give what they find and say nothing of what is missing. Each container has its own way to
tell:

    WAV   the length of its data chunk (Microsoft and IBM: Multimedia Programming Interface and
          Data Specifications 1.0, 1991)
    FLAC  the number of samples in its header (RFC 9639, section 8.2), which the decoder compares
    OGG   the flag of the last page, and a checksum a page (RFC 3533, section 6)
    MP3   the lengths of its frames (ISO 11172-3, section 2.4.2.3) and, where the encoder wrote
          one, the total in a Xing or Info tag, which lies in the first frame
"""

from __future__ import annotations

import struct
import zlib

CUT = "is cut short: {have:,} bytes of {what}, of which there are {want:,} by its header"
OPEN_LENGTH = 0xFFFFFFFF  # what a program writes that cannot go back to fill the length in

OGG_HEADER_BYTES, OGG_CHECKSUM_AT = 27, 22
OGG_FIRST, OGG_LAST = 2, 4  # flags of a page

# By the two bits of the version; layer III only. 1 is reserved.
MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
MP3_KBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG-1
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2 and 2.5
}
# Tags that may follow the frames: ID3v1, its extension, APE, Lyrics3, ID3v2.
MP3_ENDINGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")
REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def incompleteness(name: str, data: bytes) -> str | None:
    """Return why a file is not whole, or None where nothing tells so.

    Args:
        name: The format, from `readable_audio_format`.
        data: The file.
    """
    try:
        return {"WAV": _wav, "FLAC": _flac, "OGG": _ogg, "MP3": _mp3}[name](data)
    except (struct.error, IndexError):
        return f"is cut short: a header of {name} is not whole"


def _wav(data: bytes) -> str | None:
    """Look for the chunk of samples."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if kind != b"data":
            at += size + size % 2  # chunks begin at even places
            continue
        if size == OPEN_LENGTH or (size == 0 and at < len(data)):
            return (
                "leaves its length open, as a stream or a program that was interrupted does; "
                "write it to a file anew"
            )
        if size == 0:
            return "holds no samples; pass audio of at least one"
        have = len(data) - at
        return CUT.format(have=have, want=size, what="samples") if size > have else None
    return "is cut short: there is no chunk of samples"


def _flac(data: bytes) -> str | None:
    """Look whether the header tells the length: without, a missing end could not be told."""
    (packed,) = struct.unpack_from(">Q", data, 18)  # behind the signature and five sizes
    if packed & 0xF_FFFF_FFFF == 0:
        return "holds no samples, or leaves its length open as a stream does; write it anew"
    return None


def _ogg(data: bytes) -> str | None:
    """Walk the pages to the last of the stream; of several, only one would be read."""
    at, ended = 0, False
    while at < len(data):
        magic, flags = struct.unpack_from("<4sxB", data, at)
        table_at = at + OGG_HEADER_BYTES
        body_at = table_at + data[table_at - 1]
        end = body_at + sum(data[table_at:body_at])
        if magic != b"OggS":
            return f"is damaged: there is no page of Ogg at byte {at:,}"
        if end > len(data):
            return CUT.format(have=len(data), want=end, what="pages")
        if _ogg_checksum(data, at, end) != int.from_bytes(
            data[at + OGG_CHECKSUM_AT : at + OGG_CHECKSUM_AT + 4], "little"
        ):
            return f"is damaged: the checksum of the page at byte {at:,} is wrong"
        if flags & OGG_FIRST and at:
            return "holds several streams; split it, and pass one"
        ended = bool(flags & OGG_LAST)
        at = end
    return None if ended else "is cut short: its last page is missing"


def _ogg_checksum(data: bytes, at: int, end: int) -> int:
    """Return the CRC-32 of a page, its own field taken as 0.

    It runs from the highest bit on, zlib's from the lowest, and zlib inverts before and after.
    """
    field = at + OGG_CHECKSUM_AT
    checksum = 0xFFFFFFFF
    for part in (data[at:field], bytes(4), data[field + 4 : end]):
        checksum = zlib.crc32(part.translate(REVERSED_BITS), checksum)
    return int(f"{checksum ^ 0xFFFFFFFF:032b}"[::-1], 2)


def _mp3(data: bytes) -> str | None:
    """Walk the frames to the end, and compare with what the first may say."""
    first = at = _behind_id3(data)
    while size := _mp3_frame_bytes(data, at, first):
        if at + size > len(data):
            return CUT.format(have=len(data), want=at + size, what="frames")
        at += size
    if at == first:
        return "is damaged or cut short: no frame of MP3 follows its tags"
    promised = _promised_mp3_bytes(data, first)
    if first + promised > len(data):
        return CUT.format(have=len(data), want=first + promised, what="frames")
    rest = data[at:]
    if rest.strip(b"\0") and not rest.startswith(MP3_ENDINGS):
        return f"is damaged or cut short: there is no frame of MP3 at byte {at:,}"
    return None


def _behind_id3(data: bytes) -> int:
    """Return where the frames begin: behind the tags of ID3v2, seven bits of size a byte."""
    at = 0
    while data[at : at + 3] == b"ID3":
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)  # a footer
    return at


def _mp3_frame_bytes(data: bytes, at: int, first: int) -> int:
    """Return the length of a frame of layer III; 0 if there is none, or none like the first."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return 0
    if (data[at + 1] ^ data[first + 1]) & 0x18 or (data[at + 2] ^ data[first + 2]) & 0x0C:
        return 0  # of another version or rate
    version, kbits, rate = data[at + 1] >> 3 & 3, data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version not in MP3_RATES_HZ or rate == 3 or kbits in (0, 15):
        return 0  # reserved, or of a free bit rate
    mpeg1 = version == 3
    bits = 1000 * MP3_KBITS[mpeg1][kbits - 1]
    # A frame is 1,152 samples, or 576 of the lower rates, and one byte more where it says so.
    padding = data[at + 2] >> 1 & 1
    return (144 if mpeg1 else 72) * bits // MP3_RATES_HZ[version][rate] + padding


def _promised_mp3_bytes(data: bytes, first: int) -> int:
    """Return the length of all frames by the Xing or Info tag; 0 where there is none."""
    mono = data[first + 3] >> 6 == 3
    mpeg1 = data[first + 1] >> 3 & 3 == 3
    side_bytes = {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}
    at = first + 4 + side_bytes[mpeg1, mono]
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return 0
    (flags,) = struct.unpack_from(">I", data, at + 4)
    if not flags & 2:  # the number of bytes, behind that of frames
        return 0
    (promised,) = struct.unpack_from(">I", data, at + 8 + (4 if flags & 1 else 0))
    return int(promised)
