"""What a file is, told by its first bytes."""

from __future__ import annotations

CONVERT = "convert it to WAV or FLAC first"

READABLE = {
    b"fLaC": "FLAC",
    b"OggS": "OGG",
    b"ID3": "MP3",
}
FORMATS = ("WAV", "FLAC", "OGG", "MP3")

# What people pass by mistake, with what helps.
UNREADABLE = {
    b"RF64": ("a WAV of more than 4 GB", CONVERT),
    b"RIFX": ("a WAV in the other byte order", CONVERT),
    b"riff": ("a Wave64 file", CONVERT),
    b"FORM": ("an AIFF file", CONVERT),
    b".snd": ("a Sun AU file", CONVERT),
    b"caff": ("a Core Audio file", CONVERT),
    b"MThd": ("a MIDI file, which holds notes and no sound", "render it to WAV first"),
    b"#!AMR": ("an AMR recording", CONVERT),
    b"wvpk": ("a WavPack file", CONVERT),
    b"MAC ": ("a Monkey's Audio file", CONVERT),
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": ("a Windows Media file", CONVERT),
    b"\x1a\x45\xdf\xa3": ("a WebM or Matroska file", CONVERT),
    b"\x93NUMPY": ("a NumPy file", "pass (np.load(path), rate_hz)"),
    b"%PDF": ("a PDF document", "pass audio"),
    b"\x89PNG": ("a picture", "pass audio"),
    b"\xff\xd8\xff": ("a picture", "pass audio"),
    b"PK\3\4": ("a ZIP archive", "unpack it first"),
    b"\x1f\x8b": ("a gzip file", "unpack it first"),
}


def readable_audio_format(data: bytes) -> str | None:
    """Return the name of the format if it is one of those read here."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "WAV"
    # Without a tag, an MP3 begins with a frame: eleven bits of sync, a version, layer III.
    if data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xE6 == 0xE2:
        return "MP3"
    return next((name for magic, name in READABLE.items() if data.startswith(magic)), None)


def unreadable_audio_kind(data: bytes) -> tuple[str, str]:
    """Return what an unreadable file is, as far as one can tell, and what helps."""
    for magic, kind_and_remedy in UNREADABLE.items():
        if data.startswith(magic):
            return kind_and_remedy
    if data[4:8] == b"ftyp":
        return "an MPEG-4 file (M4A, AAC or a video)", CONVERT
    if data[:4] == b"RIFF":
        return "a RIFF file without sound", "pass audio"
    if data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xF6 == 0xF0:
        return "an AAC stream", CONVERT
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page", "pass the audio file itself"
    return f"no audio: it begins with {data[:16]!r}", "pass a file of one of these"
