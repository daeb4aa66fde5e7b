// Streams, locales, numbers, regular expressions, file systems.
//
// usage: stdlib TEST
#include <charconv>
#include <chrono>
#include <cmath>
#include <codecvt>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <limits>
#include <locale>
#include <map>
#include <memory_resource>
#include <random>
#include <regex>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Comma : std::numpunct<char> {
	char do_thousands_sep() const override { return '\''; }
	std::string do_grouping() const override { return "\3"; }
};

void streams()
{
	std::cout << std::setprecision(17) << 0.1 << ' ' << std::hexfloat << 1.5 << ' '
		<< std::defaultfloat << 1e300 << ' ' << std::numeric_limits<double>::infinity() << '\n';
	std::cout << std::setw(8) << std::setfill('.') << 42 << std::hex << std::showbase << ' ' << 255
		<< std::dec << ' ' << std::boolalpha << true << '\n';
	std::cout.imbue(std::locale(std::locale::classic(), new Comma));
	std::cout << 123456789 << ' ' << 1234567.25 << '\n';
	for (const char *name : { "C", "POSIX", "", "de_DE.UTF-8" })
		try {
			std::cout << '"' << name << "\": " << std::locale(name).name() << '\n';
		} catch (const std::exception &e) {
			std::cout << '"' << name << "\": " << e.what() << '\n';
		}
	std::tm t = {};
	t.tm_year = 124; t.tm_mon = 1; t.tm_mday = 29; t.tm_hour = 13; t.tm_wday = 4;
	std::cout << std::put_time(&t, "%A %d %B %Y %H:%M") << '\n';
	std::istringstream in("12 0x1f 3.25 word 2024-02-29");
	int a; unsigned b; double c; std::string w; std::tm d = {};
	in >> a >> std::hex >> b >> std::dec >> c >> w >> std::get_time(&d, "%Y-%m-%d");
	std::cout << a << ' ' << b << ' ' << c << ' ' << w << ' ' << d.tm_yday << in.eof() << '\n';
	std::wstring_convert<std::codecvt_utf8<wchar_t>> utf8;
	std::wstring wide = utf8.from_bytes("gr\xc3\xbc\xc3\x9f \xe2\x82\xac");
	std::cout << wide.size() << ' ' << std::hex << unsigned(wide[2]) << ' '
		<< utf8.to_bytes(wide) << std::dec << '\n';
	try {
		utf8.from_bytes("\xff");
	} catch (const std::range_error &e) {
		std::cout << e.what() << '\n';
	}
	std::cin.exceptions(std::ios::badbit);
	std::string line;
	int lines = 0;
	while (std::getline(std::cin, line))
		lines += int(line.size());
	std::cout << lines << std::cin.eof() << '\n';
	try {
		std::ifstream f;
		f.exceptions(std::ios::failbit);
		f.open("nothing");
	} catch (const std::ios_base::failure &e) {
		std::cout << e.what() << '\n';
	}
	std::cerr << "to stderr\n";
	std::clog << "to the log" << std::endl;
}

void numbers()
{
	char text[64];
	for (double v : { 0.1, 1.0 / 3, 1e-310, 6.02214076e23, 5e-324 }) {
		std::to_chars_result r = std::to_chars(text, text + sizeof text, v);
		double back = 0;
		std::from_chars(text, r.ptr, back);
		std::cout << std::string_view(text, r.ptr - text) << ' ' << (back == v) << '\n';
	}
	long double l = 0;
	std::from_chars("1e4000", "1e4000" + 6, l);
	std::cout << l << ' ' << std::stod("0x1.8p3") << '\n';
	try {
		std::stoi("99999999999");
	} catch (const std::out_of_range &e) {
		std::cout << e.what() << '\n';
	}
	std::mt19937_64 g(7);
	std::cout << g() << ' ' << std::uniform_int_distribution<int>(1, 6)(g) << ' '
		<< std::cyl_bessel_j(0, 1.5) << ' ' << std::riemann_zeta(2.0) << '\n';
	std::random_device rd;
	std::cout << (rd() != rd()) << '\n';
	std::pmr::monotonic_buffer_resource pool;
	std::pmr::map<int, std::pmr::string> m(&pool);
	for (int i = 0; i < 1000; i++)
		m[i * 7919 % 1000] = std::to_string(i);
	std::cout << m.size() << ' ' << m[500] << '\n';
	std::regex e("(\\w+)@(\\w+)\\.org");
	std::string s = "write to ann@example.org or bob@sample.org";
	for (std::sregex_iterator i(s.begin(), s.end(), e), n; i != n; ++i)
		std::cout << (*i)[1] << " at " << (*i)[2] << '\n';
	try {
		std::regex bad("(");
	} catch (const std::regex_error &x) {
		std::cout << x.what() << '\n';
	}
	using namespace std::chrono;
	std::cout << (steady_clock::now() > steady_clock::time_point{})
		<< (system_clock::now().time_since_epoch() > hours(24 * 365 * 50)) << '\n';
	std::cout << std::error_code(ENOENT, std::generic_category()).message() << ' '
		<< (std::make_error_condition(std::errc::permission_denied) ==
		std::error_code(EACCES, std::system_category())) << '\n';
}

void files()
{
	fs::create_directories("top/a/b");
	for (const char *f : { "top/one", "top/a/two", "top/a/b/three" })
		std::ofstream(f) << f << '\n' << std::string(5000, 'x');
	fs::create_symlink("../one", "top/a/link");
	fs::create_hard_link("top/one", "top/hard");
	fs::copy("top", "copy", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
	fs::rename("copy/one", "copy/uno");
	std::map<std::string, uintmax_t> seen;
	for (const fs::directory_entry &e : fs::recursive_directory_iterator("."))
		seen[e.path().lexically_normal().string()] =
			e.is_symlink() ? 1 : e.is_regular_file() ? e.file_size() : 0;
	for (const auto &s : seen)
		std::cout << s.first << ' ' << s.second << '\n';
	std::cout << fs::read_symlink("top/a/link") << ' ' << fs::equivalent("top/a/link", "top/hard")
		<< ' ' << fs::hard_link_count("top/one") << ' '
		<< fs::relative("top/a/b", "top/one") << '\n';
	fs::permissions("top/one", fs::perms::owner_read);
	std::cout << std::oct << unsigned(fs::status("top/one").permissions()) << std::dec << '\n';
	fs::resize_file("top/a/two", 10);
	std::cout << fs::file_size("top/a/two") << ' ' << (fs::space(".").capacity > 0) << ' '
		<< (fs::last_write_time("top") <= fs::file_time_type::clock::now()) << '\n';
	try {
		fs::copy_file("top/none", "x");
	} catch (const fs::filesystem_error &e) {
		std::cout << e.what() << '\n';
	}
	std::error_code ec;
	fs::create_directory("top/one/x", ec);
	std::cout << ec.message() << '\n';
	std::cout << fs::remove_all("top") << ' ' << fs::exists("top") << '\n';
	std::cout << fs::path("/a/./b/../c.tar.gz").lexically_normal() << ' '
		<< fs::path("c.tar.gz").stem() << '\n';
}

}

int main(int argc, char **argv)
{
	std::string_view test = argc > 1 ? argv[1] : "";
	if (test == "streams") streams();
	else if (test == "numbers") numbers();
	else if (test == "files") files();
	else return 2;
	return 0;
}
