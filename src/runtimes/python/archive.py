"""Unpacks an action's zip inside the container, as the container's own user, so that a hostile archive meets its limits too.

What a plain archive of code never holds is refused before anything is written: paths that leave the folder, links and devices,
entries that are encrypted, and more bytes than code has. The bounds are those of the nodejs runtime.
"""

import base64
import binascii
import glob
import io
import os
import site
import stat
import zipfile

# Chosen: ten times the largest archive that an action may be (48 MiB in base64), and the usual count of a fat virtualenv.
BYTES_MAX = 536_870_912
ENTRIES_MAX = 50_000
# Text packs about 10:1 and deflate at most 1,032:1; beyond this, and above a size that cannot hurt, it is a bomb.
RATIO_MAX = 200
RATIO_FROM_BYTES = 16_777_216
PATH_LENGTH_MAX = 1024
ENCRYPTED = 1


class Fault(Exception):
    """What is wrong with an archive, in words for the log."""


def unpack(code, folder):
    """Unpacks base64 text into `folder`, which it makes. @raises Fault"""
    try:
        data = base64.b64decode(code)
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (binascii.Error, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Fault(f"archive cannot be read: {error}") from None
    entries = archive.infolist()
    check(entries, len(data))
    os.makedirs(folder, exist_ok=True)
    for entry in entries:
        path = os.path.join(folder, entry.filename)
        try:
            if entry.is_dir():
                os.makedirs(path, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            content = archive.read(entry)
            if len(content) != entry.file_size:
                raise Fault("it is damaged")
            with open(path, "wb") as file:
                file.write(content)
            # Executables stay executable; nothing else of the archive's modes is taken over.
            os.chmod(path, 0o755 if entry.external_attr >> 16 & 0o111 else 0o644)
        except Exception as error:
            raise Fault(f"archive entry {entry.filename} cannot be unpacked: {error}") from None


def check(entries, size):
    if len(entries) > ENTRIES_MAX:
        raise Fault(f"archive has {len(entries)} entries, more than {ENTRIES_MAX}")
    for entry in entries:
        fault = fault_of(entry)
        if fault is not None:
            raise Fault(f"archive entry {entry.filename[:PATH_LENGTH_MAX]} {fault}")
    total = sum(entry.file_size for entry in entries)
    if total > BYTES_MAX:
        raise Fault(f"archive unpacks to {total} bytes, more than {BYTES_MAX}")
    if total > RATIO_FROM_BYTES and total > size * RATIO_MAX:
        raise Fault(f"archive unpacks to {total // size} times its size, more than {RATIO_MAX}")


def fault_of(entry):
    name = entry.filename
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        return "leaves the folder"
    if name == "" or "\0" in name or len(name) > PATH_LENGTH_MAX:
        return "has no usable name"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is neither a file nor a folder (links are refused)"
    if entry.flag_bits & ENCRYPTED:
        return "is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in an unknown way"
    return None


def entry_of(folder):
    """The file that holds the entry point. @raises Fault, in OpenWhisk's words"""
    for name in ("__main__.py", "main__.py"):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise Fault("Zip file does not include __main__.py at the root.")


def activate(folder):
    """
    Makes the packages of a bundled virtualenv importable: by its own `activate_this.py`, as OpenWhisk does; one made by `python3 -m
    venv` has none, and its packages are where every version of Python has them. @raises Fault, in OpenWhisk's words
    """
    if not os.path.isdir(folder):
        return
    for name in ("bin", "Scripts"):
        script = os.path.join(folder, name, "activate_this.py")
        if os.path.isfile(script):
            with open(script, "rb") as file:
                exec(compile(file.read(), script, "exec"), {"__file__": script, "__name__": "__main__"})
            return
    packages = [
        *glob.glob(os.path.join(glob.escape(folder), "lib", "python3*", "site-packages")),
        *glob.glob(os.path.join(glob.escape(folder), "Lib", "site-packages")),
    ]
    if not packages:
        raise Fault("Invalid virtualenv. Zip file does not include 'activate_this.py'.")
    for path in packages:
        site.addsitedir(path)
