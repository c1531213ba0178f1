#!/usr/bin/python3
"""Makes the labelled sets that the tests of io.diffuscope.data read.

    /usr/bin/python3 src/test/python/make_data_fixtures.py

Needs NumPy and PyTorch. The files are committed; safetensors are written by hand, so that nothing of Diffuscope takes part
in all but exported-real.

exported-u8/     a folder as export_data writes it: 7 images [1, 2, 2] that count 0, 9, 18, ..., in shards of 3, 3 and 1,
                 with labels 2, 0, 1, 2, 0, 1, 2 and ids 100, 101, ...
exported-f16/    5 points [3] in shards of 4 and 1, half of 0, 1, 2, ..., without labels
exported-real/   the same images and labels, written by export_data of src/main/python itself, in shards of 2
labelled.npz     the images of exported-u8 and their labels; labelled-points.npz has a third array beside them;
                 one-hot.npz has rows in place of labels; two-candidates.npz has images and x
labels.npy       int32; labels-negative.npy has a -1; labels-float.npy is float32
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "main" / "python"))
from diffuscope_export import export_data  # noqa: E402

TARGET = Path(__file__).resolve().parents[1] / "resources" / "io" / "diffuscope" / "data"
CODES = {"float32": "F32", "float16": "F16", "uint8": "U8", "int64": "I64"}


def save_tensors(path, tensors):
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": CODES[array.dtype.name], "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def export(name, points, labels, sizes):
    folder = TARGET / name
    folder.mkdir(parents=True, exist_ok=True)
    shards, first = [], 0
    for number, size in enumerate(sizes):
        rows = slice(first, first + size)
        tensors = {"points": points[rows]}
        if labels is not None:
            tensors["labels"] = labels[rows]
        tensors["ids"] = np.arange(100 + first, 100 + first + size, dtype=np.int64)
        file = f"data-{number:05d}-of-{len(sizes):05d}.safetensors"
        save_tensors(folder / file, tensors)
        shards.append({"file": file, "count": size})
        first += size
    index = {
        "format": "diffuscope-data",
        "version": 1,
        "count": len(points),
        "shape": list(points.shape[1:]),
        "dtype": CODES[points.dtype.name],
        "labels": labels is not None,
        "transform": "none",
        "content_hash": "0" * 64,
        "shards": shards,
    }
    (folder / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    images = (9 * np.arange(28)).astype(np.uint8).reshape(7, 1, 2, 2)
    labels = np.array([2, 0, 1, 2, 0, 1, 2], dtype=np.int64)
    export("exported-u8", images, labels, [3, 3, 1])
    export("exported-f16", (np.arange(15) / 2).astype(np.float16).reshape(5, 3), None, [4, 1])
    items = [(image, int(label)) for image, label in zip(images, labels)]
    export_data(items, TARGET / "exported-real", shard_size=2, overwrite=True, quiet=True)
    np.savez(TARGET / "labelled.npz", images=images, labels=labels)
    np.savez(TARGET / "labelled-points.npz", points=images, labels=labels.astype(np.uint8), ids=np.arange(7))
    np.savez(TARGET / "one-hot.npz", images=images, labels=np.eye(3, dtype=np.int64)[labels])
    np.savez(TARGET / "two-candidates.npz", images=images, x=images, labels=labels)
    np.save(TARGET / "labels.npy", labels[::-1].astype(np.int32))
    np.save(TARGET / "labels-negative.npy", np.array([0, 1, 2, -1, 0, 1, 2], dtype=np.int64))
    np.save(TARGET / "labels-float.npy", labels.astype(np.float32))


if __name__ == "__main__":
    main()
