"""OpenSSL: providers and engines as modules, and those of its own tests that load something."""

import os

from cases import Case

RECIPES = ("openssl", "busybox")

# A certificate, and a connection over loopback, to a port the server was given, checked with it.
CONNECTION = """
set -e
export OPENSSL_CONF=$PWD/empty.cnf; : >empty.cnf
$OPENSSL req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert \
	-days 2 -subj /CN=ward.example 2>/dev/null
$OPENSSL x509 -in cert -noout -subject
$OPENSSL verify -CAfile cert cert
: >server; : >answer
$OPENSSL s_server -accept 127.0.0.1:0 -cert cert -key key -rev >server 2>&1 &
server=$!; trap 'kill $server 2>/dev/null || :' EXIT
says() { n=0; until grep -q "$1" $2 || [ $n -gt 300 ]; do sleep .1; n=$((n + 1)); done; }
says '^ACCEPT 127' server
{ echo 'drawn'; says . answer; } | $OPENSSL s_client -connect $(sed -n 's/^ACCEPT //p' server) \
	-CAfile cert -verify_return_error -quiet -no_ign_eof -servername ward.example \
	>answer 2>/dev/null
cat answer
"""
ENVELOPE = """
set -e
head -c 100000 /dev/zero >plain
for cipher in aes-256-cbc chacha20 camellia-128-ctr aria-256-cbc; do
	$OPENSSL enc -$cipher -pbkdf2 -pass pass:word -in plain -out sealed
	$OPENSSL enc -d -$cipher -pbkdf2 -pass pass:word -in sealed | cmp - plain && echo $cipher
done
for kind in RSA ED25519 X25519; do $OPENSSL genpkey -algorithm $kind -out $kind.pem 2>/dev/null; done
$OPENSSL dgst -sha3-256 -sign RSA.pem -out signature plain
$OPENSSL pkey -in RSA.pem -pubout -out RSA.pub
$OPENSSL dgst -sha3-256 -verify RSA.pub -signature signature plain
"""


def cases(out):
    """The command, with and without the legacy provider, a module of its own directory."""
    root = out("openssl")
    openssl, test = os.path.join(root, "bin", "openssl"), os.path.join(root, "test")
    box = os.path.join(out("busybox"), "bin", "busybox")
    env = {"OPENSSL_CONF": "/dev/null"}
    legacy = ["-provider", "legacy", "-provider", "default"]
    key = ["-K", "00112233445566778899aabbccddeeff", "-iv", "0011223344556677", "-a"]

    def case(name, words, expect, **more):
        return Case("openssl", name, [openssl] + words, expect, env=env, **more)

    def own(name, words, expect=r"(?m)^ok 1 ", **more):
        return Case("openssl", name, [os.path.join(test, words[0])] + words[1:], expect,
                    env=dict(env, OPENSSL_MODULES=test), setup=lambda d: open(
                        os.path.join(d, "empty.cnf"), "w", encoding="ascii").close(), **more)

    def load(order):
        # It says nothing when all went well.
        return own("load-" + order, ["shlibloadtest", "-" + order] + [
            os.path.join(root, "lib", "lib%s.so.3" % l) for l in ("crypto", "ssl")] + ["at-exit"],
                   r"^")

    def script(name, text, expect):
        return Case("openssl", name, [box, "sh"], expect, stdin=text, children=True,
                    env={"OPENSSL_CONF": "/dev/null"}, programs={"OPENSSL": openssl})

    return [
        case("version", ["version"], r"^OpenSSL 3\."),
        case("default", ["list", "-providers"], r"(?s)default\n.*status: active"),
        case("legacy", ["list", "-providers"] + legacy, r"(?s)default\n.*legacy\n.*status: active"),
        case("algorithms", ["list", "-digest-algorithms"] + legacy, r"MD4 } @ legacy"),
        case("md4", ["dgst", "-md4"] + legacy, r"a448017aaf21d8525fc10ae87aa6729d", stdin="abc"),
        case("no-md4", ["dgst", "-md4"], r"^$", stdin="abc", status=1, stderr=False),
        case("sha256", ["dgst", "-sha256"], r"ba7816bf8f01cfea414140de5dae2223", stdin="abc"),
        case("blowfish", ["enc", "-bf-cbc"] + key + legacy, r"^m76nCej4uKY=\n$",
             stdin="abc", stderr=False),
        case("speed", ["speed", "-seconds", "1", "-bytes", "64", "sha256"], r"(?m)^sha256 ",
             clean=((r"[0-9.]+", "N"), (r" +", " ")), stderr=False),
        case("engine", ["engine", "-t", "dynamic", "padlock", "loader_attic"],
             r"(?s)loader_attic.*\[ available \]"),
        script("connection", CONNECTION, r"CN = ward.example\ncert: OK\nnward"),
        script("envelope", ENVELOPE, r"camellia-128-ctr\naria-256-cbc\nVerified OK\n"),
        Case("openssl", "own-provider", [openssl, "list", "-providers", "-provider", "p_test"],
             r"^Providers:\n  p_test\n", env=dict(env, OPENSSL_MODULES=test)),
        # What it writes to stderr has numbers of threads in it.
        own("fallback", ["provider_fallback_test"], stderr=False),
        own("module", ["moduleloadtest", os.path.join(test, "p_test.so"), "OSSL_provider_init"],
            r"^"),
    ] + [load(o) for o in ("crypto_first", "ssl_first", "just_crypto", "dso_ref",
                           "no_atexit")]
