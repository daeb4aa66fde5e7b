"""Start-up workloads for dynamic linkers: a program and a number of shared libraries.

Owns the shape of the workloads: which symbols a library exports, which it imports from where,
how many relocations of which kind. All of it is drawn from a fixed seed, so a workload is the
same on every machine. The libraries form a tree (library i needs 2i+1 and 2i+2) with up to four
additional edges from each; the program needs the first ten.

Two styles. "c": short names, every import is of another library, 80 % of them called, 20 % taken
the address of. "cpp": 117-character mangled names, 30 % of a library's imports are its own
exports (interposable), 35 % come from a small popular pool in the deepest libraries, and 40 % of
the relocations are pointers in tables, as in virtual tables.
"""
import os
import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

JOBS = 2
ROOTS = 10          # how many libraries the program itself needs
EXTRA_EDGES = 4     # additional dependencies of each library, at most
POPULAR = 150       # size of the pool of popular symbols
LIBC = ('malloc free memcpy strlen strcmp memset printf snprintf open close read write getenv '
        'abort realloc strchr').split()
COMPILE = '-O1 -fPIC -fno-asynchronous-unwind-tables -fno-builtin -w -c'.split()
LINK = ('-nostdlib -Wl,-z,now -Wl,-z,relro -Wl,--hash-style=gnu -Wl,--no-as-needed').split()


@dataclass(frozen=True)
class Spec:
    """Everything a workload is made from."""
    libs: int = 0
    exports: int = 50       # of each library
    imports: int = 20       # of each library
    relative: int = 100     # relative relocations, in the whole workload
    style: str = 'c'
    relr: bool = False
    seed: int = 1


class BuildError(Exception):
    """A compiler or linker failed; the text is its output."""


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise BuildError(' '.join(command)[:400] + '\n' + done.stdout.decode()[:2000])
    return done.stdout.decode().strip()


def compiler():
    for name in ('gcc', 'clang'):
        if shutil.which(name):
            return name
    raise BuildError('neither gcc nor clang is here')


class Sources:
    """The C sources of a workload. The order of the random draws is part of the workload."""

    def __init__(self, spec):
        self.spec = spec
        self.rnd = random.Random(spec.seed)
        self.deps = [self._dependencies(i) for i in range(spec.libs)]
        deepest = [max(0, spec.libs - 1 - x) for x in range(min(4, spec.libs))] or [0]
        self.popular = [(self.rnd.choice(deepest), self.rnd.randrange(spec.exports))
                        for _ in range(POPULAR)]
        self.libs = [self._library(i) for i in range(spec.libs)]
        self.main = self._main()

    def _dependencies(self, i):
        count = self.spec.libs
        deps = {j for j in (2 * i + 1, 2 * i + 2) if j < count}
        if i + 1 < count:
            deps |= {self.rnd.randrange(i + 1, count) for _ in range(EXTRA_EDGES)}
        return sorted(deps)

    def symbol(self, lib, k):
        if self.spec.style == 'c':
            return f'synlib{lib}_module_op_{k:04d}'

        def mangled(name):
            return f'{len(name)}{name}'
        return (f'_ZN9synthetic7library{mangled(f"Module{lib:03d}")}'
                f'{mangled(f"Component{k // 20:03d}")}{mangled(f"handle_event_{k:04d}")}'
                'ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEi')

    def _imports(self, i):
        """The names library i imports: (from the workload, from the C library)."""
        rnd, spec = self.rnd, self.spec
        own_percent, popular_percent = {'c': (0, 0), 'cpp': (30, 35)}[spec.style]
        own = spec.imports * own_percent // 100
        popular = spec.imports * popular_percent // 100
        libc = min(8, spec.imports // 3)
        names = [self.symbol(i, k) for k in rnd.sample(range(spec.exports),
                                                       min(own, spec.exports))]
        names += [self.symbol(*x) for x in rnd.sample(self.popular, min(popular, POPULAR))]
        names += [self.symbol(*self.popular[rnd.randrange(POPULAR)])
                  for _ in range(popular - POPULAR)]
        providers = self.deps[i] or [i]
        names += [self.symbol(rnd.choice(providers), rnd.randrange(spec.exports))
                  for _ in range(spec.imports - own - popular - libc)]
        return list(dict.fromkeys(names)), rnd.sample(LIBC, libc)

    def _library(self, i):
        spec = self.spec
        names, libc = self._imports(i)
        mine = [self.symbol(i, k) for k in range(spec.exports)]
        out = ['typedef int F(void);']
        out += [f'extern F {s};' for s in libc]
        out += [f'extern F {s};' for s in names if s not in set(mine)]
        out += [f'int {s}(void){{return {k};}}' for k, s in enumerate(mine)]
        self.rnd.shuffle(names)
        called, taken = {'c': (.8, 1.), 'cpp': (.4, .4 + .2)}[spec.style]
        called, taken = int(len(names) * called), int(len(names) * taken)
        calls = ''.join(f'{s}();' for s in names[:called] + libc)
        out.append(f'void synlib{i}_calls(void){{{calls}}}')
        out += [f'void *synlib{i}_addr{x}(void){{return (void*){s};}}'
                for x, s in enumerate(names[called:taken])]
        if names[taken:]:
            out.append(f'F *const synlib{i}_vt[]={{{",".join(names[taken:])}}};')
        out += self._relative(f'synlib{i}_rel', spec.relative // spec.libs)
        out.append(f'int synlib{i}_data={i};')
        return '\n'.join(out) + '\n'

    @staticmethod
    def _relative(name, count):
        """A table of count pointers into the object itself."""
        if not count:
            return []
        entries = ','.join(f'buf+{x}' for x in range(count))
        return [f'static char buf[{count + 1}];', f'char *const {name}[]={{{entries}}};']

    def _main(self):
        spec = self.spec
        roots = range(min(spec.libs, ROOTS))
        uses = [self.symbol(i, self.rnd.randrange(spec.exports)) for i in roots for _ in range(2)]
        uses = list(dict.fromkeys(uses))
        out = ['typedef int F(void);'] + [f'extern F {s};' for s in uses]
        out.append('void unused(void){' + ''.join(f'{s}();' for s in uses) + '}')
        if not spec.libs:
            out += self._relative('main_rel', spec.relative)
        out.append('int main(void){return 0;}')
        return '\n'.join(out) + '\n'


class Linker:
    """How objects are linked against one installed musl (prefix), without its wrapper."""

    def __init__(self, prefix):
        self.cc = compiler()
        self.prefix = prefix
        self.crt = {name: run([self.cc, f'-print-file-name={name}'])
                    for name in ('crtbeginS.o', 'crtendS.o')}

    def compile(self, source, obj):
        run([self.cc, *COMPILE, source, '-o', obj])

    def compile_hosted(self, source, obj):
        """For the benchmark's own C programs, which include the C library's headers."""
        run([self.cc, '-std=c11', '-O2', '-fPIE', '-Wall', '-Wextra', '-nostdinc',
             '-isystem', self.prefix + '/include', '-c', source, '-o', obj])

    def _lib(self, name):
        return f'{self.prefix}/lib/{name}'

    def _link(self, out, start, objs, options):
        run([self.cc, *LINK, *options, '-o', out, *[self._lib(x) for x in start],
             self.crt['crtbeginS.o'], *objs, f'-L{self.prefix}/lib', '-lgcc', '-lc', '-lgcc',
             self.crt['crtendS.o'], self._lib('crtn.o')])
        os.chmod(out, 0o755)    # whatever the umask is: the loader's check wants it

    def shared(self, out, objs, options=()):
        self._link(out, ['crti.o'], objs,
                   ['-shared', f'-Wl,-soname,{os.path.basename(out)}',
                    '-Wl,--unresolved-symbols=ignore-all', *options])

    def program(self, out, objs, interp, libdir, options=()):
        self._link(out, ['Scrt1.o', 'crti.o'], objs,
                   ['-pie', f'-Wl,--dynamic-linker,{interp}', '-Wl,--disable-new-dtags',
                    f'-Wl,-rpath,{libdir}', f'-Wl,-rpath-link,{libdir}', *options])

    def static_pie(self, out, objs, options=()):
        self._link(out, ['rcrt1.o', 'crti.o'], objs, ['-static-pie', *options])


def _link_libraries(linker, out, sources, pool, options):
    """Links every library after the ones it needs (these have larger numbers)."""
    def link(i):
        needs = [f'{out}/libsyn{j}.so' for j in sources.deps[i]]
        linker.shared(f'{out}/libsyn{i}.so', [f'{out}/src/l{i}.o', *needs], options)
    done, todo = set(), list(range(len(sources.libs) - 1, -1, -1))
    while todo:
        ready = [i for i in todo if done.issuperset(sources.deps[i])]
        list(pool.map(link, ready))
        done.update(ready)
        todo = [i for i in todo if i not in done]


def build(spec, out, linker, interp):
    """Makes out/libsyn*.so, out/main (asking for interp) and out/main.static."""
    sources = Sources(spec)
    src = out + '/src'
    os.makedirs(src)
    names = [f'l{i}' for i in range(spec.libs)] + ['main']
    for name, text in zip(names, sources.libs + [sources.main]):
        with open(f'{src}/{name}.c', 'w', encoding='ascii') as f:
            f.write(text)
    options = ['-Wl,-z,pack-relative-relocs'] if spec.relr else []
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(lambda n: linker.compile(f'{src}/{n}.c', f'{src}/{n}.o'), names))
        _link_libraries(linker, out, sources, pool, options)
    roots = [f'{out}/libsyn{i}.so' for i in range(min(spec.libs, ROOTS))]
    linker.program(f'{out}/main', [f'{src}/main.o', *roots], interp, out, options)
    linker.static_pie(f'{out}/main.static', [f'{src}/{n}.o' for n in names], options)
    shutil.rmtree(src)
