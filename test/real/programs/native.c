/*
 * native.c: an extension module for CPython, to be put into wheels.
 */
#include <Python.h>

static PyObject *where(PyObject *self, PyObject *args)
{
	return PyUnicode_FromString("native code of a wheel");
}

static PyMethodDef methods[] = {
	{ "where", where, METH_NOARGS, 0 },
	{ 0 }
};

static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, .m_name = "_native", .m_size = 0,
	.m_methods = methods };

PyMODINIT_FUNC PyInit__native(void)
{
	return PyModule_Create(&module);
}
