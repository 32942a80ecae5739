"""Unpacks parts of a wheel: unpack-wheel.py WHEEL FOLDER KEPT_PATH...

A kept path that ends in / is a folder. Prints "done FRACTION" as it goes. Python is needed for pip anyway, and Node
has no zip reader of its own. Exit codes: 0; 28 when the disk is full; 1 for anything else, with a line that says it.
"""

import errno
import os
import shutil
import sys
import zipfile

COPY_BYTES = 1 << 22
# Smaller files are headers: a lost one is noticed by the compiler, which runs before the stamp is written.
SYNCED_BYTES = 1 << 20


def kept(name, paths):
    return any(name == path or (path.endswith("/") and name.startswith(path)) for path in paths)


def unpack(wheel, folder, paths):
    with zipfile.ZipFile(wheel) as archive:
        entries = [entry for entry in archive.infolist() if kept(entry.filename, paths) and not entry.is_dir()]
        for path in paths:
            if not any(kept(entry.filename, [path]) for entry in entries):
                raise ValueError(f"the wheel holds no {path}")
        total = sum(entry.file_size for entry in entries)
        done = 0
        for entry in entries:
            target = os.path.join(folder, entry.filename)
            if not os.path.realpath(target).startswith(os.path.realpath(folder) + os.sep):
                raise ValueError(f"{entry.filename} would be written outside {folder}")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(entry) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink, COPY_BYTES)
                if entry.file_size >= SYNCED_BYTES:
                    sink.flush()
                    os.fsync(sink.fileno())
            mode = (entry.external_attr >> 16) & 0o777
            if mode:
                os.chmod(target, mode | 0o600)
            done += entry.file_size
            print(f"done {done / total:.4f}", flush=True)


if __name__ == "__main__":
    try:
        unpack(sys.argv[1], sys.argv[2], sys.argv[3:])
    except OSError as error:
        print(error)
        sys.exit(28 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 1)
    except (ValueError, zipfile.BadZipFile) as error:
        print(error)
        sys.exit(1)
