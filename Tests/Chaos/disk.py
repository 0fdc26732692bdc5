"""The disk under the store: a small file system of its own, so that it can be full or fail without harm to the machine."""

import os
import pathlib
import subprocess

SIZE = 768 << 20


class Disk:
    """An ext4 file system in a file. Where it cannot be mounted (not root, no loop devices), an ordinary directory."""

    def __init__(self, directory, is_large=False):
        """`is_large`: the store does not fit on a small disk, and gets none of its own."""
        self.image = directory / "disk.img"
        self.path = directory / "store"
        self.path.mkdir()
        self.is_own = False
        self.reason = "the store is too large for one" if is_large else self.make()

    def make(self):
        """Makes and mounts it, and prints why not where that fails."""
        with open(self.image, "wb") as image:
            image.truncate(SIZE)
        try:
            run("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
            self.mount()
        except (OSError, subprocess.CalledProcessError) as error:
            self.image.unlink()
            return f"{error} {getattr(error, 'stderr', '') or ''}".strip()
        self.is_own = True
        return None

    def mount(self):
        run("mount", "-o", "loop,errors=remount-ro", self.image, self.path)

    def unmount(self):
        run("umount", self.path)

    def fill(self):
        """Takes every free block."""
        with open(self.path / "filler", "wb", buffering=0) as filler:
            descriptor = filler.fileno()
            size = 0
            for step in (1 << 20, 1 << 12):
                try:
                    while True:
                        os.posix_fallocate(descriptor, size, step)
                        size += step
                except OSError:
                    continue

    def make_room(self):
        (self.path / "filler").unlink(missing_ok=True)

    def fail(self):
        """The kernel meets an error and makes the file system read-only, under all processes with open files in it."""
        device = pathlib.Path(run("findmnt", "-no", "SOURCE", self.path).strip()).name
        pathlib.Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("chaos", encoding="ascii")

    def repair(self):
        """Repairs it as an operator does. No process may have a file open in it."""
        self.unmount()
        self.mount()

    def remove(self):
        if self.is_own:
            self.unmount()
            self.image.unlink()
            self.is_own = False


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, timeout=60).stdout
