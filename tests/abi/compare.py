# SPDX-License-Identifier: Apache-2.0
"""
What two versions of skybus/plugin.h have in common, and whether the newer one has grown by the rules:

- no struct, field, constant or completion goes, moves, or becomes something else;
- a struct gets more fields at its end only, and those in FROZEN none at all.

libabigail compares the types. Its suppressions cannot tell that a struct has grown at its end and done nothing else:
with "has_data_member_inserted_at = end" abidiff of 2.2 also takes fields whose type has changed. So the newer header
is cut to what the older one knew, and abidiff must find no difference then. It does not mind other names
for fields of the same type, so names are compared here.
"""

import re
import subprocess
from pathlib import Path

# Those without a size in front, and that which lies in arrays.
FROZEN = {"skybus_setting", "skybus_option", "skybus_message"}

# What was kept free may get a name.
UNUSED = "reserved"

STRUCT = re.compile(r"^struct (skybus_\w+) \{(.*?)^\};", re.MULTILINE | re.DOTALL)


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def compiled(*command):
    done = run(*command)
    if done.returncode != 0:
        raise ValueError(f"it does not compile: {done.stderr}")
    return done.stdout


class Header:
    """A header: its text without comments, and what is in it."""

    def __init__(self, path, compiler):
        self.text = compiled(*compiler, "-E", "-P", "-x", "c", str(path))
        self.structs = {
            name: [field.strip() for field in body.split(";") if field.strip()]
            for name, body in STRUCT.findall(self.text)
        }
        enums = re.findall(r"^enum \{(.*?)\};", self.text, re.MULTILINE | re.DOTALL)
        self.constants = dict(re.findall(r"(SKYBUS_\w+) = ([^,}]+?)\s*[,}]", "".join(f"{e}}}" for e in enums)))
        self.completions = re.findall(r"^typedef void (skybus_\w+_fn)\(", self.text, re.MULTILINE)


def field_name(field):
    """Of "uint32_t size", "char reason[192]", "void (*log)(struct skybus_link *link)"."""
    call = re.search(r"\(\*(\w+)\)", field)
    return (call or re.search(r"(\w+)(?:\[\w+\])?$", field))[1]


def changed_names(old, new):
    for name, fields in old.structs.items():
        if name not in new.structs:
            yield f"struct {name} has gone"
            continue
        now = new.structs[name]
        if name in FROZEN and len(now) != len(fields):
            yield f"struct {name} never changes, and has {len(now)} fields in the place of {len(fields)}"
        for i, field in enumerate(fields):
            was = field_name(field)
            if i == len(now):
                yield f"struct {name} has lost its field {was}"
                break
            if was not in (UNUSED, field_name(now[i])):
                yield f"struct {name} has {field_name(now[i])} in the place of {was}"
                break


def changed_constants(old, new, folder, compiler):
    """Asked of the compiler, with the newer header."""
    checks = "".join(f'_Static_assert({n} == ({v}), "{n}");\n' for n, v in old.constants.items())
    source = folder / "constants.c"
    source.write_text(new.text + checks, encoding="utf-8")
    done = run(*compiler, "-fsyntax-only", str(source))
    if done.returncode != 0:
        yield f"a constant has another value, or has gone: {done.stderr}"


def cut(new, old):
    """The newer header's text with no more fields than the older one knew."""

    def shorten(found):
        name, fields = found[1], new.structs[found[1]]
        known = fields[: len(old.structs.get(name, fields))]
        return f"struct {name} {{{''.join(f'{field};' for field in known)}}};"

    return STRUCT.sub(shorten, new.text)


def library(text, header, folder, name, compiler):
    """A shared object that mentions all types, with what a debugger knows of them."""
    uses = "".join(f"void use_{s}(struct {s} *x) {{ (void)x; }}\n" for s in header.structs)
    uses += "".join(f"void use_{c}({c} *x) {{ (void)x; }}\n" for c in header.completions)
    source, path = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(text + uses, encoding="utf-8")
    compiled(*compiler, "-g", "-shared", "-fPIC", "-o", str(path), str(source))
    return str(path)


def changed_types(old, new, folder, compiler):
    before = library(old.text, old, folder, "before", compiler)
    after = library(cut(new, old), new, folder, "after", compiler)
    done = run("abidiff", "--no-added-syms", before, after)
    if done.returncode != 0:
        yield f"abidiff finds: {done.stdout}{done.stderr}"


def compare(old_path, new_path, folder, compiler):
    """The sentences about what does not keep the rules; none if all is well."""
    folder = Path(folder)
    old, new = Header(old_path, compiler), Header(new_path, compiler)
    problems = list(changed_names(old, new))
    problems += changed_constants(old, new, folder, compiler)
    try:
        problems += changed_types(old, new, folder, compiler)
    except ValueError as error:
        problems.append(str(error))
    return problems
