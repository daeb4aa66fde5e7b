# Every XS module that perl was built with: loaded, and a few of them used. Names no paths.
use strict; use warnings; use Config; use File::Find;

my (@names, %bad);
for my $root ($Config{archlibexp}) {
	find({ no_chdir => 1, wanted => sub {
		return unless m{^\Q$root\E/auto/(.+)/[^/]+\.so$};
		(my $name = $1) =~ s{/}{::}g;
		push @names, $name;
	} }, "$root/auto");
}
for my $name (sort @names) {
	next if $name =~ /^(XS::|threads)/;	# tests of perl; threads are used below
	eval "require $name; 1" or $bad{$name} = (split /\n/, $@)[0];
}
print scalar(@names), " modules, ", scalar(keys %bad), " failed\n";
print "$_: $bad{$_}\n" for sort keys %bad;

use threads; use threads::shared; use List::Util qw(reduce shuffle); use POSIX ();
use Storable qw(freeze thaw); use Encode; use Digest::SHA qw(sha256_hex); use Time::HiRes;
use Data::Dumper; use MIME::Base64; use Socket; use IO::Handle; use Compress::Raw::Zlib;
my $sum :shared = 0;
my @t = map { my $n = $_; threads->create(sub {
	my $s = reduce { $a + $b } 1 .. $n * 100;
	lock $sum; $sum += $s; sha256_hex($n) =~ /^[0-9a-f]{64}$/ ? 1 : 0;
}) } 1 .. 8;
print "threads ", (reduce { $a + $b } map { $_->join } @t), " sum $sum\n";
print POSIX::strftime("%Y-%m-%d", gmtime 0), " ", POSIX::floor(-1.5), " ", POSIX::fmod(7, 4), "\n";
my $d = { a => [1, 2, { b => "\x{20ac}" }], c => \"x" };
local $Data::Dumper::Sortkeys = 1; local $Data::Dumper::Indent = 0;
print Dumper(thaw(freeze($d))), "\n";
print encode('iso-8859-15', "\x{20ac}") eq "\xa4" ? "euro\n" : "no euro\n";
print length(encode('UTF-16', "grün")), " ", decode('shiftjis', "\x93\xfa") eq "\x{65e5}", "\n";
my ($z) = Compress::Raw::Zlib::Deflate->new; $z->deflate("x" x 100000, my $o); $z->flush(my $p);
print length($o . $p) < 1000 ? "deflated\n" : "not\n";
socketpair(my $x, my $y, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
if (my $pid = fork) { close $y; print scalar <$x>; waitpid $pid, 0; print $? >> 8, "\n" }
else { $y->autoflush(1); print $y "from the child\n"; POSIX::_exit(3) }
print "done\n";
