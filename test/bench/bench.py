"""What the two benchmark commands share: building, measuring, judging.

Owns BUILD_DIR/bench: copies of the loaders under test, the workloads (built once, see gen.py)
and the measuring tools. Every workload exists once for each loader, with a different PT_INTERP of
equal length and with the same libraries: for stock musl (musl), for ward, for stock musl with
check and seals added (line, see line.py), and for a second copy of stock musl (ctrl), whose ratio
must be 1.00 if the measurement is worth anything.
"""
import glob
import hashlib
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import gen
import line

HERE = os.path.dirname(os.path.abspath(__file__))
LOADERS = ('musl', 'ward', 'line', 'ctrl')  # names of equal length, see _interp
BLOCKS = 4                              # of rounds, see Bench.pairs
MIN_ROUNDS = 3                          # in each block
STEP_MOST = 250_000                     # single-step only programs shorter than this
STEP_SECONDS = 12
BUSY_OTHERS = 0.10                      # processors busy with other work that count as noise
STEAL = 0.02
CONTROL_OFF = 0.02                      # deviation of the control from 1


@dataclass(frozen=True)
class Workload:
    """One workload with the figures of the design for its CPU time relative to stock musl:
    line = stock musl + check + seal, the figure not to be exceeded; goal = what is wanted."""
    name: str
    spec: gen.Spec
    line: float | None
    goal: float
    full: bool = False


def _c(libs):
    return gen.Spec(libs=libs)


def _p(libs):
    return gen.Spec(libs=libs, exports=2000, imports=500, style='cpp')


WORKLOADS = {w.name: w for w in (
    Workload('hello', _c(0), .98, .75),
    Workload('c1', _c(1), 1.10, .92),
    Workload('c10', _c(10), 1.26, .97),
    Workload('c100', _c(100), 1.33, .85),
    Workload('c400', _c(400), 1.26, .62, full=True),
    Workload('p1', _p(1), 1.01, .75),
    Workload('p10', _p(10), .97, .45),
    Workload('p100', _p(100), 1.03, .22),
    Workload('p400', _p(400), None, .10, full=True),
)}


# For the price of a relative relocation: hello with many more of them.
RELATIVE = 20_000
RELATIVE_SPECS = {'rela': gen.Spec(relative=RELATIVE),
                  'relr': gen.Spec(relative=RELATIVE, relr=True)}


class Unavailable(Exception):
    """The benchmark makes no sense here; the text says why."""


class Failed(Exception):
    """A measured program or a tool did not do what it should."""


def output(command, **options):
    """What command prints; Failed with its complaint if it does not end with status 0."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise Failed(f'{" ".join(command[:4])}: status {done.returncode}: '
                     f'{done.stderr.strip()[:500]}')
    return done.stdout


def digest(*paths):
    h = hashlib.sha256()
    for path in paths:
        with open(path, 'rb') as f:
            h.update(hashlib.sha256(f.read()).digest())
    return h.hexdigest()


def replace(path, data):
    """Writes an executable file in one step, if it is not there already just so."""
    try:
        with open(path, 'rb') as f:
            if f.read() == data and os.stat(path).st_mode & 0o777 == 0o755:
                return
    except FileNotFoundError:
        pass
    with open(path + '.new', 'wb') as f:
        f.write(data)
    os.chmod(path + '.new', 0o755)
    os.rename(path + '.new', path)


def renew(path):
    """Puts a new copy of an executable file in its place."""
    shutil.copy(path, path + '.new')
    os.rename(path + '.new', path)


def row(widths, cells):
    """A line of a table: the first column to the left, the others to the right."""
    first, *rest = (f'{c:{"<" if i == 0 else ">"}{w}}' for i, (w, c) in
                    enumerate(zip(widths, map(str, cells), strict=True)))
    return ' '.join([first, *rest]).rstrip()


def log(text):
    print(text, file=sys.stderr, flush=True)


def quantile(ordered, p):
    at = max(0., min(1., p)) * (len(ordered) - 1)
    i = int(at)
    j = min(i + 1, len(ordered) - 1)
    return ordered[i] + (at - i) * (ordered[j] - ordered[i])


class Ratio:
    """Median of the ratios to stock musl, its 95 % interval (lo, hi) and the quartiles."""

    def __init__(self, values, base):
        ordered = sorted(v / b for v, b in zip(values, base))
        half = .98 / math.sqrt(len(ordered))    # of the interval, as a share of the ranks
        self.lo, self.q1, self.median, self.q3, self.hi = (
            round(quantile(ordered, p), 4) for p in (.5 - half, .25, .5, .75, .5 + half))


class Timing:
    """Rounds of one program, and what they are relative to the rounds of the base."""

    def __init__(self, samples, base):
        (cpu, wall, faults), (base_cpu, base_wall, _) = zip(*samples), zip(*base)
        self.rounds = len(samples)
        self.cpu_us = statistics.median(cpu)
        self.wall_us = statistics.median(wall)
        self.faults = int(statistics.median(faults))
        self.cpu = Ratio(cpu, base_cpu)
        self.wall = Ratio(wall, base_wall)


@dataclass
class Pairs:
    """What pair says of one workload."""
    programs: dict      # name -> Timing
    others: float       # processors kept busy by other work
    steal: float

    def noise(self):
        """Why these figures are not to be trusted, or an empty string."""
        why = []
        if self.others > BUSY_OTHERS:
            why.append(f'other work kept {self.others:.2f} processors busy')
        if self.steal > STEAL:
            why.append(f'the hypervisor took {self.steal:.2f} processors')
        control = self.programs.get('ctrl')
        if control and abs(control.cpu.median - 1) > CONTROL_OFF:
            why.append(f'musl against itself gave {control.cpu.median:.3f}')
        return ', '.join(why)


class Bench:
    """The benchmark of one build directory."""

    def __init__(self, build_dir):
        self.build = os.path.abspath(build_dir)
        self.dir = self.build + '/bench'
        self.bin = self.dir + '/bin'
        self.stock = self.build + '/stock'
        found = glob.glob(self.build + '/lib/ld-ward-*.so.1')
        if len(found) != 1:
            raise Failed(f'no single ld-ward-*.so.1 in {build_dir}/lib: run make first')
        self.ward = found[0]
        self.arch = os.path.basename(self.ward)[len('ld-ward-'):-len('.so.1')]
        if self.arch != os.uname().machine:
            raise Unavailable(f'times of {self.arch} programs mean nothing on this '
                              f'{os.uname().machine} machine')
        for path in (self.bin, self.dir + '/ld', self.dir + '/work'):
            os.makedirs(path, exist_ok=True)
        self.linker = gen.Linker(self.stock)
        self.no_line = ''
        self._tools()
        self._loaders()

    # Building

    def _tools(self):
        for name in ('pair', 'count', 'prices'):
            source, tool = f'{HERE}/{name}.c', f'{self.bin}/{name}'
            if not os.path.exists(tool) or os.path.getmtime(tool) < os.path.getmtime(source):
                gen.run([self.linker.cc, '-std=c11', '-O2', '-Wall', '-Wextra', '-o', tool, source,
                         '-lm'])

    def _interp(self, loader):
        return f'{self.dir}/ld/{loader}.so'

    def _loaders(self):
        """Copies, so that all lie on the same file system under names of equal length, were
        written in the same manner, and do not change when the build goes on meanwhile. Without
        debugging information, which is not mapped and which valgrind may not be able to read."""
        stock = f'{self.stock}/lib/ld-musl-{self.arch}.so.1'
        origins = {'musl': stock, 'ward': self.ward, 'ctrl': stock}
        try:
            origins['line'] = line.build(self.build, self.dir + '/line')
        except line.Unavailable as e:
            self.no_line = str(e)
        for name, origin in origins.items():
            bare = f'{self.dir}/ld/{name}.bare'
            gen.run(['strip', '--strip-debug', '-o', bare, origin])
            with open(bare, 'rb') as f:
                replace(self._interp(name), f.read())
            os.unlink(bare)
        self.loaders = tuple(name for name in LOADERS if name in origins)

    def directory(self, name):
        return f'{self.dir}/work/{name}'

    def program(self, workload, variant):
        return f'{self.directory(workload)}/main.{variant}'

    def _stamp(self, spec):
        parts = digest(HERE + '/gen.py', HERE + '/dlb.c', self.stock + '/lib/libc.a',
                       self.stock + '/lib/libc.so')
        return f'{parts} {LOADERS} {spec} {self.dir}\n'

    def _each_loader(self, template):
        """template, a program that asks for stock musl, becomes one program for each loader."""
        with open(template, 'rb') as f:
            data = f.read()
        wanted = self._interp('musl').encode() + b'\0'
        if data.count(wanted) != 1:
            raise Failed(f'{template}: {data.count(wanted)} places name the loader, not 1')
        for name in LOADERS:
            replace(f'{template}.{name}', data.replace(wanted, self._interp(name).encode() + b'\0'))
        os.unlink(template)

    def prepare(self, name, spec):
        """Builds a workload unless it is there."""
        out = self.directory(name)
        stamp = self._stamp(spec)
        try:
            with open(out + '/stamp', encoding='utf-8') as f:
                if f.read() == stamp:
                    return
        except FileNotFoundError:
            pass
        log(f'building workload {name}')
        shutil.rmtree(out, ignore_errors=True)
        gen.build(spec, out, self.linker, self._interp('musl'))
        self._each_loader(out + '/main')
        if spec.libs:
            self.linker.compile_hosted(HERE + '/dlb.c', out + '/dlb.o')
            self.linker.program(out + '/dlb', [out + '/dlb.o'], self._interp('musl'), out)
            self._each_loader(out + '/dlb')
        with open(out + '/stamp', 'w', encoding='utf-8') as f:
            f.write(stamp)

    # Measuring

    def _renew(self, name):
        """Fresh copies of the loaders and programs: where a file happens to lie in the page cache
        changes the time of a start by two or three percent, so it must not stay the same."""
        for loader in self.loaders:
            renew(self._interp(loader))
            renew(self.program(name, loader))

    def pairs(self, name, seconds, variants):
        """Rounds of the variants of a workload, in BLOCKS with fresh copies of the files."""
        variants = [v for v in variants if v not in LOADERS or v in self.loaders]
        samples = {v: [] for v in variants}
        others, steal = [], []
        for _ in range(BLOCKS):
            self._renew(name)
            *rounds, last = output([self.bin + '/pair', str(seconds / BLOCKS), str(MIN_ROUNDS),
                                    *[self.program(name, v) for v in variants]]).splitlines()
            for row in rounds:
                figures = [float(x) for x in row.split('\t')]
                for i, v in enumerate(variants):
                    samples[v].append(figures[3 * i:3 * i + 3])
            _, busy, stolen = last.split('\t')
            others.append(float(busy))
            steal.append(float(stolen))
        return Pairs({v: Timing(s, samples['musl']) for v, s in samples.items()},
                     round(statistics.mean(others), 3), round(statistics.mean(steal), 3))

    def syscalls(self, program):
        """Number of calls by number of the system call."""
        lines = output([self.bin + '/count', 'syscalls', program]).splitlines()
        return {int(nr): int(n) for nr, n in (x.split() for x in lines)}

    def instructions(self, program):
        """User instructions by callgrind, which counts each turn of a repeated string
        instruction; None where valgrind does not exist."""
        if not shutil.which('valgrind'):
            return None
        with tempfile.NamedTemporaryFile('r', dir=self.dir) as report:
            done = subprocess.run(['valgrind', '--tool=callgrind', f'--log-file={report.name}',
                                   '--callgrind-out-file=/dev/null', program], check=False,
                                  env={'PATH': os.environ['PATH']}, stdout=subprocess.DEVNULL)
            text = report.read()
        found = re.search(r'Collected : (\d+)', text)
        if done.returncode or not found:
            raise Failed(f'callgrind on {program}: status {done.returncode}: {text[-300:]}')
        return int(found.group(1))

    def steps(self, program):
        """User instructions by single steps; None if that takes too long."""
        command = [self.bin + '/count', 'instructions', str(STEP_SECONDS), program]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 3:
            return None
        if done.returncode:
            raise Failed(f'{program}: {done.stderr.strip()}')
        return int(done.stdout)

    def dl(self, name, spec, runs):
        """Medians of dlb's five figures for musl and ward, and the median ratios."""
        sources = gen.Sources(spec)
        rnd = random.Random(spec.seed)
        symbols = [sources.symbol(rnd.randrange(spec.libs), rnd.randrange(spec.exports))
                   for _ in range(200)]
        out = self.directory(name)
        seen = {'musl': [], 'ward': []}
        for _ in range(runs):
            for loader, rows in seen.items():
                text = output([f'{out}/dlb.{loader}', out + '/libsyn0.so', *symbols], env={})
                rows.append([float(x) for x in text.split()])
        medians = {k: [statistics.median(c) for c in zip(*rows)] for k, rows in seen.items()}
        ratios = [statistics.median(w / m for m, w in zip(ms, ws))
                  for ms, ws in zip(zip(*seen['musl']), zip(*seen['ward']))]
        return medians['musl'], medians['ward'], ratios


def syscall_names():
    """Number -> name, from the system's own header."""
    text = gen.run([gen.compiler(), '-E', '-dM', '-include', 'asm/unistd.h', '-x', 'c',
                    '/dev/null'])
    names = {462: 'mseal'}      # headers may be older than the kernel
    names.update((int(nr), name)
                 for name, nr in re.findall(r'#define __NR_(\w+) (\d+)$', text, re.M))
    return names


def machine():
    """The lines that say where and under which conditions this was measured."""
    model = 'unknown processor'
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        for row in f:
            if row.startswith('model name'):
                model = row.split(':', 1)[1].strip()
                break
    u = os.uname()
    load = ' '.join(f'{x:.2f}' for x in os.getloadavg())
    return f'{u.sysname} {u.release} {u.machine}, {os.cpu_count()} x {model}, load average {load}'
