"""Entry of the `sor` command: finds the verb, runs it, and turns errors into one line.

Exit codes: 0 ok, 1 a check failed or the machine did, 2 bad use or bad input, 3 not found,
4 not running, 5 timed out, 130 stopped with Ctrl-C. `--debug` shows tracebacks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from schemas.errors import VenuefoldError

COMMANDS = {
    "replay": "route parent orders over recorded data and write a run",
    "verify": "re-execute a run and compare every output byte, the chain and the state",
    "explain": "one decision as a person reads it",
    "quality": "the venue quality table of a run",
    "decisions": "the decisions of a run, a line each",
    "log": "what a run's log holds, whether it is whole, and its records elsewhere",
    "serve": "run the service: engine, read models, REST API and page on one port",
    "submit": "send a parent order to the running service",
    "cancel": "cancel an order of the running service",
    "kill": "stop trading in a scope, at once",
    "resume": "let a scope trade again",
    "inventory": "tell what an account holds at a venue",
    "venues": "the venues of the running service and their health",
    "whatif": "what another policy would have cost on the inputs of a run",
    "evaluate": "how good the routing is, in markets whose truth is known",
    "demo": "route over simulated venues, live on a page",
    "bench": "measure speed",
    "projections": "keep the read models of a run in a database, rebuild them, their lag",
    "reference": "venues, instruments, policies, limits and accounts, agreed by two people",
    "gateway": "simulated venues behind the topics of Kafka or Pulsar",
    "coordinate": "what shards learn from each other, and their shares of account-wide limits",
    "subscriptions": "on Pulsar: who reads a topic, how far, and move it to a time",
    "doctor": "check this machine and installation, and say what to do",
}
MODULES = {"resume": "kill"}
"""Verbs that live with another one."""
DEBUG = "--debug"
BROKEN_PIPE = 141
INTERRUPTED = 130


def make_app() -> App:
    """The command line; verbs are imported when they are used."""
    app = App(
        name="sor",
        help="Venuefold, a smart order router whose every decision can be replayed.",
        help_epilogue="Every command takes --json where it reports, and --debug for tracebacks.",
        help_format="plaintext",
        version=version,
        result_action="return_value",
        default_parameter=Parameter(negative=()),
    )
    for name, what in COMMANDS.items():
        module = MODULES.get(name, name)
        app.command(f"streams.cli.{module}:{name}", name=name, help=what)
    return app


def version() -> str:
    """Version of the distribution."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("venuefold")
    except PackageNotFoundError:
        return "not installed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `sor` and returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if DEBUG in given:
        given.remove(DEBUG)
        return run(given)
    try:
        return run(given)
    except BrokenPipeError:
        # Whoever read our output has gone: end quietly, and let nothing flush into the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except CycloptsError as error:
        return fail(f"{str(error).rstrip('.')}; see sor --help", 2)
    except VenuefoldError as error:
        return fail(str(error), error.exit_code)
    except OSError as error:
        return fail(f"{error.filename or 'this machine'}: {error.strerror or error}", 1)
    except Exception as error:  # noqa: BLE001 - our own bug: still one line, with what to do next
        return fail(f"internal error, {type(error).__name__}: {error}; {DEBUG} shows where", 1)


def run(arguments: list[str]) -> int:
    """Parses and executes; errors pass through."""
    result = make_app()(arguments, exit_on_error=False, print_error=False)
    return result if isinstance(result, int) else 0


def fail(message: str, code: int) -> int:
    """Writes one line that says what is wrong, and returns the exit code."""
    line = " ".join(message.split())
    print(f"sor: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
