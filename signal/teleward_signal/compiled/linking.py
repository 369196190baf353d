# mypy: disable-error-code="no-untyped-call"
"""Functions that only kernels call: optimised once, as a part of the kernel that calls them.

Numba optimises every function by itself with all that it calls, and makes machine code of it, so
what lies five calls deep is optimised six times and is never run but as a part of the outermost
one. Here the inner functions stay as Numba has lowered them until a kernel links them: half of the
time of a first start. The same instructions result.
"""

from typing import Any

from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _LinkedLibrary(JITCodeLibrary):
    """Code that waits to be linked into a kernel: neither optimised nor loaded."""

    def finalize(self) -> None:
        """Take in what this function calls, and no more."""
        self._raise_if_finalized()
        seen = set()
        for library in self._linking_libraries:
            if library not in seen:
                seen.add(library)
                self._reload_init.update(library._reload_init)
                self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Do nothing: there is no code to run."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> "_NothingToRun":
        """Return what made this library, for those who want to prepare it for running."""
        return _NothingToRun(self._codegen)


class _NothingToRun:
    """A code generator whose library is never run by itself."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, env_name: str, env: object) -> None:
        """Leave the environment of a function that is not loaded alone."""


class LinkedCompiler(Compiler):
    """Numba's compiler with the library of this module."""

    def __init__(
        self,
        typingctx: Any,
        targetctx: Any,
        library: Any,
        args: Any,
        return_type: Any,
        flags: Any,
        locals: Any,
    ) -> None:
        """Compile into a library that waits to be linked."""
        library = library or _LinkedLibrary(targetctx.codegen(), "inner")
        super().__init__(typingctx, targetctx, library, args, return_type, flags, locals)


def without_literals(dispatcher: Any) -> Any:
    """Share one compilation between kernels that call ``dispatcher`` with different constants.

    Numba would compile a function anew for each constant that it is called with.
    """
    template = dispatcher.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        plain = {name: types.unliteral(kind) for name, kind in kws.items()}
        return template(tuple(types.unliteral(kind) for kind in args), plain)

    dispatcher.get_call_template = get_call_template
    return dispatcher
