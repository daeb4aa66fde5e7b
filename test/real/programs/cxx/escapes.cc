// A library whose constructor lets an exception out: there is no way through the loader.
namespace {
struct Escapes {
	Escapes() { throw 1; }
} escapes;
}
