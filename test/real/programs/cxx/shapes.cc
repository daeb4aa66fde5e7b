// libshapes.so: the key functions, so that their typeinfo is here and nowhere else.
#include "shapes.h"

Shape::~Shape() {}
const char *Shape::name() const { return "shape"; }
const char *Square::name() const { return "square"; }
Failure::Failure(const std::string &text, int code) : std::runtime_error(text), code(code) {}
Failure::~Failure() {}
