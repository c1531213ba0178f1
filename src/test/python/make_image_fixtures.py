#!/usr/bin/python3
"""Makes the images that the tests of io.diffuscope.data read, and what PIL reads of them.

    /usr/bin/python3 src/test/python/make_image_fixtures.py

Needs NumPy and PIL (Debian: python3-pil). The files are committed.

pictures/*.png, *.jpg    16 pixels high and 24 wide, one for each kind that is read or refused
pictures/NAME.npy        uint8 [3, 16, 24]: convert("RGB") of NAME; for the grey kinds [1, 16, 24]: convert("L")
edm.zip                  as EDM's dataset_tool.py writes it: 00000/img00000000.png, ..., stored, with dataset.json;
                         edm-one-hot.zip has lists for labels, edm-unlabelled.zip has "labels": null,
                         edm-soft.zip has a list that is not one-hot
"""
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

TARGET = Path(__file__).resolve().parents[1] / "resources" / "io" / "diffuscope" / "data"
PICTURES = TARGET / "pictures"
H, W = 16, 24
rng = np.random.default_rng(5)


def smooth(channels):
    y, x = np.mgrid[0:H, 0:W]
    bands = [127 + 90 * np.sin(x / (3 + c) + c) * np.cos(y / (4 - c)) + rng.normal(0, 8, (H, W)) for c in range(channels)]
    return np.clip(np.stack(bands, -1), 0, 255).astype(np.uint8)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def interlaced(array):
    """PIL writes no interlaced PNG: seven passes without filters."""
    lines = b""
    for x, y, dx, dy in ADAM7:
        for row in array[y::dy, x::dx]:
            if row.size:
                lines += b"\0" + row.tobytes()
    header = struct.pack(">IIBBBBB", W, H, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def shallow(array, depth):
    """PIL writes no grey PNG of 2 or 4 bits."""
    bits = np.unpackbits((array >> (8 - depth))[..., None], axis=2)[..., 8 - depth:].reshape(H, -1)
    lines = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    header = struct.pack(">IIBBBBB", W, H, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def without_app(data):
    """A JPEG without JFIF's and Adobe's segments, as some programs write it."""
    kept, at = data[:2], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        if not 0xE0 <= data[at + 1] <= 0xEF:
            kept += data[at:end]
        at = end
    return kept + data[at:]


def save(name, image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG" if name.endswith("jpg") else "PNG", **options)
    return put(name, buffer.getvalue())


def put(name, data):
    (PICTURES / name).write_bytes(data)
    return data


def pictures():
    rgb, grey, alpha = smooth(3), smooth(1)[..., 0], smooth(4)
    colour = Image.fromarray(rgb)
    save("rgb.png", colour)
    save("rgb-transparent-colour.png", colour, transparency=tuple(int(v) for v in rgb[0, 0]))
    save("rgba.png", Image.fromarray(alpha))
    save("grey.png", Image.fromarray(grey))
    save("grey-alpha.png", Image.merge("LA", (Image.fromarray(grey), Image.fromarray(alpha[..., 3]))))
    save("grey-1bit.png", Image.fromarray(grey).convert("1"))
    put("grey-2bit.png", shallow(grey, 2))
    put("grey-4bit.png", shallow(grey, 4))
    save("palette.png", colour.quantize(200))
    save("palette-4bit.png", colour.quantize(11), bits=4)
    save("palette-transparent.png", colour.quantize(200), transparency=bytes(range(200)))
    levels = Image.fromarray(grey).convert("P")
    levels.putpalette([v for v in range(256) for _ in range(3)])
    save("palette-grey.png", levels)
    put("interlaced.png", interlaced(rgb))
    save("grey-16bit.png", Image.fromarray((grey.astype(np.uint16) * 257)))
    profile = b"not a profile at all" * 20
    save("profile.png", colour, icc_profile=profile)

    base = save("baseline.jpg", colour, quality=90)
    save("baseline-444.jpg", colour, quality=95, subsampling=0)
    save("baseline-422.jpg", colour, quality=85, subsampling=1)
    save("progressive.jpg", colour, quality=80, progressive=True)
    save("grey.jpg", Image.fromarray(grey), quality=90)
    save("profile.jpg", colour, quality=90, icc_profile=profile)
    save("cmyk.jpg", colour.convert("CMYK"), quality=90)
    plain = io.BytesIO()
    colour.save(plain, "JPEG", quality=95, subsampling=0)
    put("no-segments-444.jpg", without_app(plain.getvalue()))
    put("no-segments.jpg", without_app(base))
    refused = {"grey-16bit.png", "cmyk.jpg"}
    for path in sorted(PICTURES.glob("*.png")) + sorted(PICTURES.glob("*.jpg")):
        if path.name in refused:
            continue
        image = Image.open(path)
        if "grey" in path.name:
            array = np.asarray(image.convert("L"))[None]
        else:
            array = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        np.save(PICTURES / f"{path.name}.npy", array)


def archives():
    images = {}
    for i in range(5):
        buffer = io.BytesIO()
        Image.fromarray(np.full((4, 4, 3), 40 * i, np.uint8) + np.arange(3, dtype=np.uint8)).save(buffer, "png", compress_level=0)
        images[f"{i // 3:05d}/img{i:08d}.png"] = buffer.getvalue()
    labels = [6, 0, 3, 3, 1]
    hot = np.eye(8, dtype=np.float64)[labels].tolist()
    soft = [[0.5, 0.5]] * 5
    for name, values in {"edm": labels, "edm-one-hot": hot, "edm-soft": soft, "edm-unlabelled": None}.items():
        with zipfile.ZipFile(TARGET / f"{name}.zip", "w", zipfile.ZIP_STORED) as archive:
            for file in reversed(images):
                archive.writestr(zipfile.ZipInfo(file), images[file])
            listed = None if values is None else [list(pair) for pair in zip(images, values)]
            archive.writestr(zipfile.ZipInfo("dataset.json"), json.dumps({"labels": listed}))


pictures()
archives()
