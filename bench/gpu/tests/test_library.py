"""The mirrors of lsk.h against the header itself."""
import ctypes
import re
import unittest

from tests.context import REPOSITORY
import library

HEADER = REPOSITORY / "native/include/longseqkernels/lsk.h"
TYPES = {"uint32_t": ctypes.c_uint32, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "float": ctypes.c_float, "double": ctypes.c_double}


def structs_of(header):
    """name -> [(field, ctype)] of every struct."""
    found = {}
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \w+;", header, re.S):
        body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
        found[name] = [field_of(line) for line in body.split(";") if line.strip()]
    return found


def field_of(declaration):
    kind, name = re.fullmatch(r"\s*(?:const )?(\w+\*?) (\w+)\s*", declaration).groups()
    if not kind.endswith("*"):
        return name, TYPES[kind]
    return name, {"int64_t*": library.OFFSETS, "char*": ctypes.c_char_p}.get(kind, ctypes.c_void_p)


def constants_of(header):
    return {name: int(value) for name, value in re.findall(r"\b(LSK_\w+) = (\d+)", header)}


class Mirrors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not HEADER.exists():
            raise unittest.SkipTest("lsk.h does not travel with the bundle; the library's own table is compared when it is loaded")
        cls.header = HEADER.read_text()

    def test_structs_are_those_of_the_header(self):
        structs = structs_of(self.header)
        for struct in library.STRUCTS:
            self.assertEqual([(name, kind) for name, kind in struct._fields_], structs[struct.abi_name], struct.abi_name)

    def test_constants_are_those_of_the_header(self):
        constants = constants_of(self.header)
        self.assertEqual(library.DTYPES, {"fp32": constants["LSK_FLOAT32"], "bf16": constants["LSK_BFLOAT16"], "fp16": constants["LSK_FLOAT16"]})
        self.assertEqual(library.FORMS, {"projected": constants["LSK_PROJECTED"], "shared": constants["LSK_SHARED"]})
        self.assertEqual(library.DIRECTIONS, {"forward": constants["LSK_FORWARD"], "backward": constants["LSK_BACKWARD"]})
        self.assertEqual((library.MEMORY_DEVICE, library.MEMORY_WORKSPACE), (constants["LSK_MEMORY_DEVICE"], constants["LSK_MEMORY_WORKSPACE"]))
        self.assertEqual((library.HOST_TO_DEVICE, library.DEVICE_TO_HOST), (constants["LSK_HOST_TO_DEVICE"], constants["LSK_DEVICE_TO_HOST"]))
        self.assertEqual(library.UNSUPPORTED, constants["LSK_UNSUPPORTED"])


class Layouts(unittest.TestCase):
    table = "\n".join(map(library.layout_of, library.STRUCTS))

    def test_own_layouts_agree(self):
        library.check_layouts(self.table)

    def test_a_shifted_field_is_refused(self):
        shifted = self.table.replace("heads:16", "heads:20", 1)
        self.assertNotEqual(shifted, self.table)
        with self.assertRaisesRegex(RuntimeError, "heads:20"):
            library.check_layouts(shifted)

    def test_a_missing_struct_is_refused(self):
        with self.assertRaisesRegex(RuntimeError, "no such struct"):
            library.check_layouts(self.table.replace("lsk_linear_shape", "lsk_linear_form"))

    def test_offsets(self):
        self.assertEqual(list(library.offsets_of([3, 0, 2])), [0, 3, 3, 5])
