# SPDX-License-Identifier: Apache-2.0
"""
The plugin ABI is what it was in each release that is recorded here, or has grown by the rules.

Usage: test-abi.py INCLUDE-DIRECTORY COMPILER...
"""

import hashlib
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from compare import Header, compare, field_name, run

HERE = Path(__file__).parent
INCLUDE, COMPILER = sys.argv[1], sys.argv[2:]
PRESENT = Path(INCLUDE, "skybus/plugin.h")
PLACES = HERE.parent / "daemon/test-plugin-abi.c"

TIMER_STOP = "void (*timer_stop)(struct skybus_link *link, int64_t handle);"
OBSERVE_STOP = "void (*observe_stop)(struct skybus_link *link, int64_t handle);"
WINDOW = "\tuint32_t keepalive_s;\n\tuint32_t window;\n"
LAST_CALL = "\t\t\t\tstruct skybus_request *request, struct skybus_verdict *verdict);\n};"
LAST_TERM = "\tuint32_t batch_s;\n"

# name: what is replaced, and by what, one after the other
GROWTH = {
    "a call of the host": [(OBSERVE_STOP, f"{OBSERVE_STOP}\n\tvoid (*more)(struct skybus_link *link);")],
    "a call of the plugin": [(LAST_CALL, f"{LAST_CALL.removesuffix('};')}\tint32_t (*more)(void *state);\n}};")],
    "a field of the terms": [(LAST_TERM, f"{LAST_TERM}\tuint32_t more;\n")],
    "a wide field of a reply": [("\tuint32_t observed;\n", "\tuint32_t observed;\n\tuint64_t more;\n")],
    "a field of the session": [("\tconst char *server_name;\n", "\tconst char *server_name;\n\tint64_t more;\n")],
    "a constant": [("SKYBUS_NETWORKS = 11,", "SKYBUS_NETWORKS = 11,\n\tSKYBUS_MORE = 12,")],
    "a struct": [("struct skybus_terms {", "struct skybus_more {\n\tuint32_t size;\n};\n\nstruct skybus_terms {")],
    "a completion": [("typedef void skybus_timer_fn(", "typedef void skybus_more_fn(void *);\ntypedef void skybus_timer_fn(")],
    "a name for what was free": [("\tuint32_t retry_after_ms;\n\tuint32_t reserved;", "\tuint32_t retry_after_ms;\n\tuint32_t named;")],
    "a comment": [("/** The link is ready", "/* Still. */\n\t/** The link is ready")],
}

BREAKS = {
    "a field of a frozen struct": [("\tconst uint8_t *value;\n};", "\tconst uint8_t *value;\n\tuint32_t more;\n};")],
    "a field of a setting": [("\tconst char *help;\n};", "\tconst char *help;\n\tuint32_t more;\n};")],
    "a field of a message": [("\tuint32_t flags;\n};\n\n/** One CoAP", "\tuint32_t flags;\n\tuint64_t more;\n};\n\n/** One CoAP")],
    "a field in the middle": [(WINDOW, WINDOW.replace("\tuint32_t w", "\tuint32_t between;\n\tuint32_t w"))],
    "a call in the middle": [("\tvoid (*log)(", "\tvoid (*between)(struct skybus_link *link);\n\tvoid (*log)(")],
    "a field less": [(WINDOW, "\tuint32_t window;\n")],
    "the last field less": [(LAST_TERM, "")],
    "another type": [(WINDOW, WINDOW.replace("uint32_t k", "int32_t k"))],
    "a wider last field": [(LAST_TERM, "\tuint64_t batch_s;\n")],
    "a wider field that was free": [("\tuint32_t retry_after_ms;\n\tuint32_t reserved;", "\tuint32_t retry_after_ms;\n\tuint64_t reserved;")],
    "another order": [(WINDOW, "\tuint32_t window;\n\tuint32_t keepalive_s;\n")],
    "another name": [(WINDOW, WINDOW.replace("keepalive_s", "alive_s"))],
    "another parameter": [(TIMER_STOP, TIMER_STOP.replace("int64_t", "int32_t"))],
    "one parameter more": [(TIMER_STOP, TIMER_STOP.replace("handle)", "handle, int32_t more)"))],
    "another result": [("\tint32_t (*deliver)(", "\tint64_t (*deliver)(")],
    "another completion": [("skybus_timer_fn(void *state, void *tag)", "skybus_timer_fn(void *state)")],
    "a longer text": [("char reason[192];", "char reason[256];")],
    "a struct less": [("skybus_listen", "skybus_listening")],
    "growth that hides another type": [
        (LAST_TERM, f"{LAST_TERM}\tuint32_t more;\n"),
        (WINDOW, WINDOW.replace("uint32_t k", "int32_t k")),
    ],
    "growth that hides another parameter": [
        (OBSERVE_STOP, f"{OBSERVE_STOP}\n\tvoid (*more)(struct skybus_link *link);"),
        (TIMER_STOP, TIMER_STOP.replace("int64_t", "int32_t")),
    ],
    "another value": [("SKYBUS_RESET = 3,", "SKYBUS_RESET = 6,")],
    "another flag": [("SKYBUS_ANSWERABLE = 1u << 0,", "SKYBUS_ANSWERABLE = 1u << 1,")],
    "a constant less": [("\tSKYBUS_ABANDONED = 5,", "\t")],
}


def recorded():
    """What is not to change: digests by paths, the first part of which is the version."""
    lines = (HERE / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split() for line in lines)}


def headers():
    return [path for path in recorded() if path.endswith("plugin.h")]


class AbiTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def mutated(self, replacements):
        text = PRESENT.read_text(encoding="utf-8")
        for old, new in replacements:
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = self.folder / "plugin.h"
        path.write_text(text, encoding="utf-8")
        return path

    def problems(self, replacements):
        return compare(PRESENT, self.mutated(replacements), self.folder, COMPILER)

    def test_what_was_recorded_is_not_edited(self):
        found = {str(p.relative_to(HERE)) for p in HERE.glob("*/**/*") if p.suffix in (".h", ".c")}
        self.assertEqual(found, set(recorded()))
        for path, digest in recorded().items():
            with self.subTest(path):
                self.assertEqual(hashlib.sha256((HERE / path).read_bytes()).hexdigest(), digest)

    def test_the_present_header_has_grown_by_the_rules(self):
        self.assertTrue(headers())
        for path in headers():
            with self.subTest(path):
                self.assertEqual(compare(HERE / path, PRESENT, self.folder, COMPILER), [])

    def test_a_release_is_recorded_once(self):
        abi = self.folder / "tests/abi"
        for name, source in ("tests/abi/record.sh", HERE / "record.sh"), ("include/skybus/plugin.h", PRESENT):
            (self.folder / name).parent.mkdir(parents=True)
            shutil.copy(source, self.folder / name)
        (self.folder / "meson.build").write_text("project(\n  version: '7.1.0',\n)\n", encoding="utf-8")
        self.assertEqual(run(abi / "record.sh").returncode, 0)
        digest = hashlib.sha256(PRESENT.read_bytes()).hexdigest()
        self.assertEqual((abi / "SHA256SUMS").read_text(encoding="utf-8"), f"{digest}  7.1.0/skybus/plugin.h\n")
        again = run(abi / "record.sh")
        self.assertEqual(again.returncode, 1)
        self.assertIn("7.1.0 is recorded already", again.stderr)

    def test_growth_is_taken(self):
        for name, replacements in GROWTH.items():
            with self.subTest(name):
                self.assertEqual(self.problems(replacements), [])

    def test_breaks_are_found(self):
        for name, replacements in BREAKS.items():
            with self.subTest(name):
                self.assertNotEqual(self.problems(replacements), [])

    def test_nothing_of_the_header_is_overlooked(self):
        header = Header(PRESENT, COMPILER)
        text = PRESENT.read_text(encoding="utf-8")
        self.assertEqual(set(header.structs), set(re.findall(r"^struct (skybus_\w+) {", text, re.MULTILINE)))
        self.assertEqual(set(header.constants), set(re.findall(r"^\t(SKYBUS_\w+) = ", text, re.MULTILINE)))
        self.assertEqual(set(header.completions), set(re.findall(r"^typedef void (skybus_\w+)\(", text, re.MULTILINE)))

    def test_the_table_of_places_has_all(self):
        table = PLACES.read_text(encoding="utf-8")
        header = Header(PRESENT, COMPILER)
        for struct, fields in header.structs.items():
            names = re.findall(rf"^\tFIELD\({struct}, (\w+), ", table, re.MULTILINE)
            self.assertEqual(names, [field_name(field) for field in fields])
        constants = re.findall(r"\bCONSTANT\((SKYBUS_\w+), ", table)
        self.assertEqual(constants, list(header.constants))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
