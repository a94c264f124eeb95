"""Prints the names that Python files use and nobody defines; Python itself finds out when it comes to the line."""
import builtins
import symtable
import sys

PROVIDED = {*dir(builtins), "__file__"}


def tables(table):
    yield table
    for child in table.get_children():
        yield from tables(child)


def undefined_names(path):
    with open(path) as file:
        module = symtable.symtable(file.read(), path, "exec")
    defined = {s.get_name() for s in module.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()} | PROVIDED
    return sorted({s.get_name() for table in tables(module) for s in table.get_symbols() if s.is_referenced() and s.is_global() and s.get_name() not in defined})


for path in sys.argv[1:]:
    for name in undefined_names(path):
        print(f"{path}: {name} is not defined")
