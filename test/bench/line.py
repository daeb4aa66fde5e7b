"""The line to beat, measured: stock musl with only the execveat check and the seals added.

Owns BUILD_DIR/bench/line. musl's own loader source gets two insertions, a check on the descriptor
before a library is mapped and a seal over each object once it is relocated and its RELRO is
read-only; it is compiled by musl's own makefile, and linked with the objects stock musl was
linked from. Results are not looked at and nothing is refused: this is a price tag, not a loader.
"""
import os
import re
import shutil
import subprocess

CHECK = '__syscall(SYS_execveat, fd, "", 0, 0, 0x11000);'  # AT_EMPTY_PATH | AT_EXECVE_CHECK
# mseal; but not where the loader relocates itself the first time, its RELRO comes later.
SEAL = 'if (head != &ldso) __syscall(462, p->map, p->map_len, 0);'
# Behind which text of the source, found exactly once, each goes.
PLACES = (
    (re.compile(r'\bmap_library\(int fd[^)]*\)\s*\{'), CHECK),
    (re.compile(r'\bp->relocated = 1;'), SEAL),
)


class Unavailable(Exception):
    """It cannot be built here; the text says why."""


def _edit(text):
    for place, addition in PLACES:
        if len(place.findall(text)) != 1:
            raise Unavailable(f'the place for "{addition}" was not found in this musl')
        text = place.sub(lambda m, addition=addition: f'{m.group(0)} {addition}', text)
    return text


def build(build_dir, out):
    """Makes out/ld.so unless it is there; returns its path."""
    source = os.path.realpath(build_dir + '/musl')
    objects = os.path.realpath(build_dir + '/musl-obj')
    made = out + '/ld.so'
    stock = build_dir + '/stock/lib/libc.so'
    if os.path.exists(made) and os.path.getmtime(made) > os.path.getmtime(stock):
        return made
    for path in (source + '/ldso/dynlink.c', objects + '/obj/ldso/dlstart.lo'):
        if not os.path.exists(path):
            raise Unavailable(f'{os.path.relpath(path, build_dir)} is not there')
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    # Same names and places relative to each other as in the build directory; times are kept, so
    # that only the loader is compiled.
    subprocess.run(['cp', '-as', source, out + '/musl'], check=True)
    subprocess.run(['cp', '-a', objects, out + '/musl-obj'], check=True)
    loader = out + '/musl/ldso/dynlink.c'
    with open(loader, encoding='utf-8') as f:
        text = _edit(f.read())
    os.unlink(loader)           # a link to the real one
    with open(loader, 'w', encoding='utf-8') as f:
        f.write(text)
    for name in ('obj/ldso/dynlink.lo', 'lib/libc.so'):
        if os.path.exists(f'{out}/musl-obj/{name}'):
            os.unlink(f'{out}/musl-obj/{name}')
    done = subprocess.run(['make', '-C', out + '/musl-obj', 'lib/libc.so'], capture_output=True,
                          text=True, check=False,
                          env={k: v for k, v in os.environ.items() if not k.startswith('MAKE')
                               and k != 'MFLAGS'})
    if done.returncode:
        raise Unavailable(f'make failed: {done.stderr.strip()[-500:]}')
    shutil.move(out + '/musl-obj/lib/libc.so', made)
    os.utime(made)
    shutil.rmtree(out + '/musl')
    shutil.rmtree(out + '/musl-obj')
    return made
