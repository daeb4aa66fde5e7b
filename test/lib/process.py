"""A program of a case that runs while others look at it."""

import subprocess

import wardtest


class Process:
    """Runs with the argument `wait` until the block ends; it has printed `ready` by then."""

    def __init__(self, engine, built, direct=False, env=None, name="main", loader=None):
        self.prog = engine.program(built.path(name))
        argv = [loader or engine.loader, self.prog] if direct else [self.prog]
        self.popen = subprocess.Popen(
            argv + ["wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=built.dir,
            env=env or wardtest.base_env(), text=True)

    def __enter__(self):
        line = self.popen.stdout.readline()
        if line != "ready\n":
            self.popen.kill()
            self.popen.communicate()
            raise AssertionError("%s: expected it to say ready, got %r" % (self.prog, line))
        return self

    def __exit__(self, *exc):
        self.popen.communicate("")

    @property
    def pid(self):
        return self.popen.pid
