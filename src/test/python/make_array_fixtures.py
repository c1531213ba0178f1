"""Writes the array fixtures of the tests with NumPy and the safetensors library.

Usage: python make_array_fixtures.py [ROOT]     (ROOT: the repository, default ".")

Needs numpy and safetensors (written with numpy 2.4.6 and safetensors 0.8.0). The values are chosen so
that the tests can compute what must be read: element i of an array of n elements, in C order, is
value(i) below, converted to the array's type.
"""

import pathlib
import struct
import sys
import zipfile

import numpy as np
from safetensors.numpy import save_file

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
BASE = ROOT / "src/test/resources/io/diffuscope"
FILES = BASE / "tensorfile"
DATA = BASE / "data"
SHAPE = (4, 3, 2)


def value(count):
    """-3.0, -1.75, -0.5, 0.75, ...: exact in every floating-point type, truncated for integers."""
    return -3.0 + 1.25 * np.arange(count)


def array(dtype, shape=SHAPE):
    values = value(int(np.prod(shape))).reshape(shape)
    kind = np.dtype(dtype).kind
    if kind == "b":
        values = np.arange(values.size).reshape(shape) % 3 != 0
    elif kind == "u":
        # Reaches the top of the type, where a signed reading would be negative.
        values = np.iinfo(dtype).max - np.arange(values.size, dtype=dtype).reshape(shape)
    elif kind == "i":
        values = np.trunc(values)
    return values.astype(dtype)


def npy():
    for code in ["<f2", "<f4", "<f8", ">f4", ">f8", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", ">i4", "<u8", "<i8", "|b1"]:
        name = code.replace("<", "").replace("|", "").replace(">", "big-")
        np.save(FILES / f"c-{name}.npy", array(code))
        np.save(FILES / f"fortran-{name}.npy", np.asfortranarray(array(code)))
    for version in [(1, 0), (2, 0), (3, 0)]:
        with open(FILES / f"version-{version[0]}.npy", "wb") as out:
            np.lib.format.write_array(out, array("<f4"), version=version)
    np.save(FILES / "scalar.npy", np.float32(2.5))
    np.save(FILES / "vector.npy", array("<f4", (5,)))
    np.save(FILES / "no-rows.npy", np.zeros((0, 3), "<f4"))
    np.save(FILES / "complex.npy", np.ones((2, 2), "<c8"))
    np.save(FILES / "text.npy", np.array(["a", "b"]))
    np.save(FILES / "objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    np.save(FILES / "records.npy", np.zeros(3, dtype=[("x", "<f4"), ("y", "<i4")]))
    # Half floats: every finite and infinite bit pattern class, against NumPy's own widening.
    bits = np.arange(0, 65536, 37, dtype=np.uint16)
    half = bits.view("<f2")
    half = half[np.isfinite(half)]
    np.save(FILES / "all-halves.npy", half)
    np.save(FILES / "all-halves-as-f4.npy", half.astype("<f4"))


def npz():
    np.savez(FILES / "stored.npz", points=array("<f4"), other=np.asfortranarray(array("<f8")))
    np.savez_compressed(FILES / "deflated.npz", points=array("<f4"))
    with zipfile.ZipFile(FILES / "foreign-members.npz", "w") as out:
        out.writestr("readme.txt", "not an array")
        with out.open("points.npy", "w") as member:
            np.lib.format.write_array(member, array("<f4"))
    # 16 MiB of zeros: unpacks to far more than its size, as honest data can.
    np.savez_compressed(FILES / "zeros.npz", zeros=np.zeros((4096, 1024), "<f4"))


def safetensors():
    types = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64", "bool"]
    save_file({t: array(t) for t in types}, FILES / "types.safetensors", metadata={"step": "1200", "text": "ä \"quoted\""})
    save_file({"only": array("<f4")}, FILES / "one.safetensors")
    save_file({"scalar": np.array(2.5, "<f4"), "empty": np.zeros((0, 3), "<f4")}, FILES / "odd-shapes.safetensors")
    save_file({}, FILES / "no-tensors.safetensors")
    # bfloat16 and float8 have no NumPy type: written by the format's own definition.
    floats = np.concatenate([value(8), [0.0, -0.0, 1e30, -1e-30]]).astype("<f4")
    bf16 = (floats.view("<u4") >> 16).astype("<u2")
    header = (
        '{"b":{"dtype":"BF16","shape":[3,4],"data_offsets":[0,24]},'
        '"f8":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[24,28]},'
        '"f4":{"dtype":"F4","shape":[2,4],"data_offsets":[28,32]}}'
    ).encode()
    (FILES / "bf16.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bf16.tobytes() + bytes(8))
    np.save(FILES / "bf16-as-f4.npy", (bf16.astype("<u4") << 16).view("<f4").reshape(3, 4))


def data():
    np.save(DATA / "images-u1.npy", np.arange(256, dtype=np.uint8).reshape(4, 1, 8, 8))
    # As training programs scale images: in float32 throughout.
    scaled = np.arange(256, dtype="<f4") / np.float32(127.5) - np.float32(1)
    np.save(DATA / "images-u1-scaled.npy", scaled.reshape(4, 1, 8, 8))
    np.save(DATA / "images-flat.npy", value(4 * 64).astype("<f4").reshape(4, 64))
    np.save(DATA / "images-channels-last.npy", np.zeros((4, 8, 8, 3), "<f4"))
    np.save(DATA / "with-nan.npy", np.where(np.arange(12) == 7, np.nan, 1.0).astype("<f4").reshape(4, 3))
    np.save(DATA / "overflows-f4.npy", np.where(np.arange(12) == 10, 1e300, 1.0).reshape(4, 3))
    rng = np.random.default_rng(7)
    weights = np.array([0.25, 0.75])
    bases = np.stack([np.linalg.qr(rng.normal(size=(5, 2)))[0] for _ in range(2)])
    teacher = dict(
        weights=weights,
        means=value(10).reshape(2, 5),
        bases=bases,
        variances=np.array([[4.0, 1.0], [9.0, 0.0]]),
        residual_variance=np.array([0.01, 0.02]),
    )
    np.savez(DATA / "teacher.npz", **teacher)
    single = {name: np.asfortranarray(a.astype("<f4")) for name, a in teacher.items()}
    np.savez(DATA / "teacher-f4-fortran.npz", **single)


FILES.mkdir(parents=True, exist_ok=True)
DATA.mkdir(parents=True, exist_ok=True)
npy()
npz()
safetensors()
data()
