"""nginx with dynamic modules: requests, a reload that adds one, another process in its place."""

import os

from cases import Case, refused_as_shipped

RECIPES = ("nginx", "busybox")

# The ports are free if the server says so: it is started until it could bind them.
SCRIPT = r"""
set -e
trap '[ ! -s pid ] || kill $(cat pid)' EXIT
configure() {	# WORD WHERE-THE-STREAM-GOES MORE
	cat >nginx.conf <<-END
		load_module $MODULES/ngx_http_perl_module.so;
		load_module $MODULES/ngx_stream_module.so;
		$3
		worker_processes 2; daemon off; pid pid; error_log log notice;
		events { worker_connections 64; }
		http {
			access_log off; gzip on; types { text/html html; }
			perl_set \$digest 'sub { require Digest::SHA; Digest::SHA::sha1_hex(shift->uri) }';
			server {
				listen 127.0.0.1:$port;
				listen 127.0.0.1:$((port + 1)) ssl;
				ssl_certificate cert; ssl_certificate_key key;
				root .; add_header Digest \$digest;
				location /perl { perl 'sub { my \$r = shift;
					\$r->send_http_header("text/plain"); \$r->print("$1 \$\$\\n"); 0 }'; }
			}
		}
		stream { server { listen 127.0.0.1:$((port + 2)); proxy_pass $2;
			proxy_half_close on; } }
	END
}
get() { $B wget -q -O - "$@" 2>&1; }
tell() { printf "$1" | $B nc 127.0.0.1 $2 | $B tr -d '\r'; }
until_true() {
	n=0; until "$@"; do n=$((n + 1)); [ $n -lt 300 ] || { echo "not $*"; exit 1; }; sleep .1; done
}
answers() { case $(get $url/perl) in "$1 "*) ;; *) false ;; esac; }
# False when it has ended without having bound its ports. It lets nobody replace it while the
# process that started it is there, so that is another shell.
serve() {
	(
		$SERVER -p $PWD/ -e log -c nginx.conf 2>errors &
		until [ -s pid ] || gone $!; do sleep .1; done
	)
	[ -s pid ]
}
gone() { ! kill -0 $1 2>/dev/null; }
moved() { [ -s pid ] && [ -s pid.oldbin ] && [ $(cat pid) != $(cat pid.oldbin) ]; }

$OPENSSL req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert \
	-days 2 -subj /CN=ward.example 2>/dev/null
$B seq 1 5000 >numbers.html
port=$((20000 + $$ % 20000)) n=0
until configure first 127.0.0.1:$port; serve; do
	port=$((port + 3)) n=$((n + 1)); [ $n -lt 20 ] || { cat errors; exit 1; }
done
url=http://127.0.0.1:$port
set -o pipefail
get $url/numbers.html | $B cmp - numbers.html; echo plain
get --header 'Accept-Encoding: gzip' $url/numbers.html | $B gunzip | $B cmp - numbers.html
echo packed
get http://127.0.0.1:$((port + 2))/numbers.html | $B cmp - numbers.html; echo proxied
tell 'HEAD /none HTTP/1.0\r\n\r\n' $port | $B head -n 1
tell 'HEAD /numbers.html HTTP/1.0\r\n\r\n' $port | $B grep Digest
printf 'GET /numbers.html HTTP/1.0\r\n\r\n' | $OPENSSL s_client -quiet -CAfile cert \
	-verify_return_error -connect 127.0.0.1:$((port + 1)) 2>/dev/null | $B tail -n 1
answers first; set -- $(get $url/perl); worker=$2
configure second unix:mail "load_module $MODULES/ngx_mail_module.so;
	mail { server_name ward.example; auth_http 127.0.0.1:$port; smtp_greeting_delay 0;
		server { listen unix:mail; protocol smtp; } }"
kill -HUP $(cat pid); until_true answers second; until_true gone $worker; echo reloaded
tell 'QUIT\r\n' $((port + 2))
master=$(cat pid); kill -USR2 $master; until_true moved; kill -QUIT $master
until_true test ! -e pid.oldbin
get $url/numbers.html | $B cmp - numbers.html; echo replaced
kill -QUIT $(cat pid); until_true test ! -e pid
$B grep -c -e emerg -e alert -e crit log || echo ended
"""
ANSWERS = (r"^plain\npacked\nproxied\nHTTP/1.1 404 Not Found\n"
           r"Digest: 672367125135c58e1493f50aa8338f88e4166db5\n5000\nreloaded\n"
           r"220 ward.example ESMTP ready\n221 .*\nreplaced\n0\nended\n$")


def write(modules):
    """A setup: a configuration that loads modules."""
    def setup(where):
        with open(os.path.join(where, "nginx.conf"), "w", encoding="ascii") as h:
            h.writelines("load_module %s;\n" % m for m in modules)
            h.write("user root root; error_log log; pid pid; events {}\n"
                    "http { access_log off; server { listen unix:socket; } }\n")
    return setup


def check(out, name, modules, expect=r"(?m)^http \{", **more):
    """A Case: have a configuration checked and printed."""
    words = [os.path.join(out("nginx"), "bin", "nginx"), "-p", ".", "-e", "log", "-c", "nginx.conf",
             "-T"]
    return Case("nginx", name, words, expect, setup=write(modules), **more)


def cases(out):
    """Modules that are loaded or are not there, and a server."""
    root = out("nginx")
    where = os.path.join(root, "modules")
    modules = [os.path.join(where, "ngx_%s_module.so" % m) for m in ("http_perl", "stream", "mail")]
    return [
        check(out, "configuration", modules),
        check(out, "no-module", [os.path.join(where, "nothing.so")], r"^$", status=1),
        Case("nginx", "server", [os.path.join(out("busybox"), "bin", "busybox"), "sh"], ANSWERS,
             stdin=SCRIPT, children=True, user=True, seconds=120,
             env={"MODULES": where, "OPENSSL_CONF": "/dev/null"}, programs={
                 "SERVER": os.path.join(root, "bin", "nginx"),
                 "OPENSSL": os.path.join(out("openssl"), "bin", "openssl"),
                 "B": os.path.join(out("busybox"), "bin", "busybox")}),
    ]


def checks(run):
    """A module of mode 0644."""
    module = os.path.join(run.corpus.out("nginx"), "shipped", "ngx_stream_module.so")
    return [("shipped", lambda: refused_as_shipped(
        run, check(run.corpus.out, "shipped", [module]), module))]
